"""TransReID: a vision transformer with overlapping patches, cameras and a jigsaw of patches.

He et al., "TransReID: Transformer-based Object Re-Identification", ICCV 2021,
https://arxiv.org/abs/2102.04378.

From the paper: ViT-B/16 with patches every 12 pixels; a learned vector for each camera, times 3,
added to all tokens (SIE); the last layer twice, once on all tokens (global) and once, shared, on
each of four groups of patches with the class token before them, after patches were shifted and
shuffled (JPM); batch norm before each classifier; tested before it, on the global vector and the
four local ones, side by side; position embedding of ImageNet's 14×14 grid interpolated.

Read in the authors' code (github.com/damo-cv/TransReID), as the paper leaves it open: the shift is
by shift − 1 = 4 patches; they are shuffled as two halves interleaved, and where their number is odd
the one before the last comes a second time; what four groups of equal length leave over is not
used; locals divided by four in the test; drop path rising to 0.1 along the layers; the global and
the shared layer begin as copies of one; ImageNet weights jx_vit_base_p16_224, which timm has as
vit_base_patch16_224.orig_in21k_ft_in1k and which expect values (value / 255 − 0.5) / 0.5.

Ours: a camera that is not known (−1, as when an image is searched by itself) or was not trained
gets the mean of the trained cameras' vectors, in training as in the test, except that in training a
number outside ``cameras`` is refused, as it says that the option fits another data set. Cameras
are the data set's own numbers; several sources with equal numbers would share vectors, so leave
``cameras`` empty for them, which leaves the side information out. Inputs of another size than
``height`` and ``width`` interpolate the position embedding. Viewpoints, which person data sets do
not have, are left out. Parameters are named as in timm's vision transformers. With the weights of
the authors' own network, renamed, all parts were equal to theirs to 3e-6 (strides 12 and 16).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.extras import lacking
from passerby.models.features import Features
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.models.transformers.layers import (
    PATCH,
    Layer,
    Patches,
    batch_norm,
    grid_of,
    norm,
    normal,
    of_cameras,
    resized,
)
from passerby.models.transformers.tokens import Tokens, read_first
from passerby.registry import SYSTEMS

Variant = Literal["base", "small", "tiny"]

_GROUPS = 4
_LOCALS = tuple(f"jigsaw_{number + 1}" for number in range(_GROUPS))
_DEPTH = 12  # of the ImageNet weights


class _Size(NamedTuple):
    width: int
    heads: int
    weights: str


_SIZES = {
    "base": _Size(768, 12, "vit_base_patch16_224.orig_in21k_ft_in1k"),
    "small": _Size(384, 6, "vit_small_patch16_224.augreg_in21k_ft_in1k"),
    "tiny": _Size(192, 3, "vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
}


@SYSTEMS.register
class Transreid(System):
    """TransReID (He et al. 2021): parts "global" and "jigsaw_1" … "jigsaw_4".

    variant: base, small or tiny, of ``depth`` layers; stride: pixels between patches of 16;
    cameras: the training set's own numbers, as in (1, 2, 3), none without side information; sie:
    its weight λ; jigsaw: with the four local parts. The embedding is what stands before the batch
    norms, the locals divided by four [B, width or 5 · width].
    """

    camera_numbers: Tensor

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        variant: Variant = "base",
        depth: int = _DEPTH,
        stride: int = 12,
        cameras: Sequence[int] = (),
        sie: float = 3.0,
        jigsaw: bool = True,
        drop_path: float = 0.1,
        height: int = 256,
        width: int = 128,
    ) -> None:
        super().__init__()
        require_defaults(network, "transreid", frozenset({"classifier"}))
        _check(variant, depth, stride, cameras)
        self.channels, self.sie, self.jigsaw = _SIZES[variant].width, sie, jigsaw
        self.grid = grid_of(height, width, stride)
        self.patch_embed = Patches(self.channels, stride)
        self.cls_token = nn.Parameter(normal(1, 1, self.channels))
        self.pos_embed = nn.Parameter(normal(1, 1 + self.grid[0] * self.grid[1], self.channels))
        self.sie_embed = nn.Parameter(normal(len(cameras), 1, self.channels)) if cameras else None
        self.reads_cameras = bool(cameras)
        if cameras:
            self.register_buffer("camera_numbers", torch.tensor(sorted(cameras)))
        heads = _SIZES[variant].heads
        drops = [drop_path * number / (depth - 1) for number in range(depth)]
        self.blocks = nn.Sequential(*(Layer(self.channels, heads, drop) for drop in drops[:-1]))
        self.whole = nn.Sequential(Layer(self.channels, heads, drops[-1]), norm(self.channels))
        if network.start == "imagenet":
            self._load_imagenet(variant, depth)
        self.shared = copy.deepcopy(self.whole) if jigsaw else None
        names = ("global", *_LOCALS) if jigsaw else ("global",)
        self.neck = nn.ModuleDict({name: batch_norm(self.channels) for name in names})
        self.dimensions = self.channels * len(names)
        self.classifier = build_classifiers(network, dict.fromkeys(names, self.channels), persons)

    def last_maps(self) -> tuple[nn.Module, ...]:
        return (self.blocks,)  # tokens: the class token, then the patches

    def patch_tokens(self, images: Tensor) -> Tokens:
        stride = self.patch_embed.proj.stride[0]
        return read_first(grid_of(images.shape[2], images.shape[3], stride))

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        tokens = self.blocks(self._tokens(images, cameras))
        vectors = [self.whole(tokens)[:, 0]]
        if self.shared is not None:
            first = tokens[:, :1]
            groups = shuffled(tokens[:, 1:]).split((tokens.shape[1] - 1) // _GROUPS, dim=1)
            vectors += [
                self.shared(torch.cat([first, group], dim=1))[:, 0] for group in groups[:_GROUPS]
            ]
        parts = tuple(
            classified(name, vector, neck(vector), self.classifier)
            for (name, neck), vector in zip(self.neck.items(), vectors, strict=True)
        )
        weighed = [vectors[0], *(vector / _GROUPS for vector in vectors[1:])]
        return Features(torch.cat(weighed, dim=1), parts)

    def _tokens(self, images: Tensor, cameras: Tensor | None) -> Tensor:
        """The class token and the patches, placed and with their camera [B, 1 + N, width]."""
        patches, grid = self.patch_embed(images)
        place = self.pos_embed if grid == self.grid else resized(self.pos_embed, self.grid, grid)
        tokens = torch.cat([self.cls_token.expand(images.shape[0], -1, -1), patches], dim=1) + place
        if self.sie_embed is None:
            return tokens
        own = of_cameras(self.sie_embed, self.camera_numbers, cameras, images, self.training)
        return tokens + self.sie * own

    def _load_imagenet(self, variant: Variant, depth: int) -> None:
        """timm's weights; the last layer and norm are the global branch's."""
        if depth != _DEPTH:
            raise ValueError(f"ImageNet weights have {_DEPTH} layers, got transreid(depth={depth})")
        state = _imagenet_weights(_SIZES[variant].weights)
        renamed = {}
        for key, value in state.items():
            name = key.replace(f"blocks.{depth - 1}.", "whole.0.")
            renamed[f"whole.1.{name[5:]}" if name.startswith("norm.") else name] = value
        side = round((renamed["pos_embed"].shape[1] - 1) ** 0.5)
        renamed["pos_embed"] = resized(renamed["pos_embed"], (side, side), self.grid)
        missing, unexpected = self.load_state_dict(renamed, strict=False)
        assert not unexpected, unexpected
        assert set(missing) <= {"sie_embed", "camera_numbers"}, missing


def shuffled(patches: Tensor, shift: int = 4) -> Tensor:
    """Patches [B, N, width] shifted, then their two halves interleaved (JPM).

    With N odd, the one before the last is added.
    """
    patches = patches.roll(-shift, dims=1)
    if patches.shape[1] % 2:
        patches = torch.cat([patches, patches[:, -2:-1]], dim=1)
    return patches.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def _check(variant: str, depth: int, stride: int, cameras: Sequence[int]) -> None:
    if variant not in get_args(Variant):
        raise ValueError(f"variant must be one of {', '.join(get_args(Variant))}, got {variant!r}")
    if depth < 2 or not 1 <= stride <= PATCH:
        raise ValueError(
            f"transreid needs depth 2 or more and a stride from 1 to {PATCH}, got {depth} and "
            f"{stride}"
        )
    whole = all(type(camera) is int and camera >= 0 for camera in cameras)
    if not whole or len(set(cameras)) < len(cameras):
        raise ValueError(
            f"cameras must be the different numbers of the training set's, as in (1, 2), got "
            f"{cameras!r}"
        )


def _imagenet_weights(name: str) -> dict[str, Tensor]:
    try:
        import timm
    except ImportError as error:
        use = "a vision transformer that begins with ImageNet's weights"
        raise lacking(use, "timm", "timm", error) from None
    try:
        network = timm.create_model(name, pretrained=True, num_classes=0)
    except (RuntimeError, OSError, ValueError) as error:
        raise ValueError(
            f"timm could not fetch {name!r}: {error}. Weights need a connection once "
            "(network.start=none needs none)"
        ) from None
    return dict(network.state_dict())
