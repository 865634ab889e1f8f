"""CLIP-ReID: the image side of CLIP, fine-tuned for persons.

Li et al., "CLIP-ReID: Exploiting Vision-Language Model for Image Re-Identification without
Concrete Text Labels", AAAI 2023, https://arxiv.org/abs/2211.13977.

Two vectors side by side tell persons: the one before CLIP's projection and the projected one, both
before their batch norms; in training the vector of the layer (ViT) or stage (ResNet) before the
last has a triplet loss too. Texts have their say in training alone: ahead of it one is learnt for
each person (`passerby.training.texts`), and the texts' vectors are then a classifier of the
projected vector, which stays as it is. An image is embedded without them. Read in the authors'
code (Syliz517/CLIP-ReID): a learned vector per camera, times ``sie``, is added to the class token
alone and before its place; CLIP's own activation and norms; of the ResNet the fourth stage keeps
its size.

Ours: a camera that is not known gets the mean of the trained cameras' vectors, as in TransReID;
inputs of another size than ``height`` and ``width`` interpolate the position embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from passerby.config import Network
from passerby.models.classifiers import Linear
from passerby.models.features import Features
from passerby.models.system import System, build_classifiers, classified, require_defaults
from passerby.models.transformers.clip_resnet import ClipResnet50
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

Image = Literal["vit_base", "vit_tiny", "resnet50"]

_LAYERS = 12
_QUICK = 1e-5
_OF_A_HEAD = 64
_SIZES = {"vit_base": (768, 512), "vit_tiny": (192, 128)}  # width, projected; CLIP has the first


@SYSTEMS.register
class ClipReid(System):
    """CLIP-ReID's image side (Li et al. 2023): parts "earlier", "global" and "projected".

    image: vit_base, vit_tiny (to be tried on a CPU) or resnet50 (which has no cameras); stride:
    pixels between patches; cameras: the training set's own numbers, none without side information;
    sie: its weight; depth: layers of the ViT, two or more; texts: with a part "text", whose
    classifier are the vectors of the persons' texts. The embedding is "global" and "projected" side
    by side, before the batch norms [B, 1280, 320 or 3072].
    """

    camera_numbers: Tensor

    def __init__(
        self,
        network: Network,
        persons: int,
        *,
        image: Image = "vit_base",
        stride: int = 16,
        cameras: Sequence[int] = (),
        sie: float = 1.0,
        depth: int = _LAYERS,
        texts: bool = False,
        height: int = 256,
        width: int = 128,
    ) -> None:
        super().__init__()
        require_defaults(network, "clip_reid", frozenset({"classifier"}))
        _check(network, image, stride, cameras)
        grid = grid_of(height, width, stride)
        self.image: ClipVit | ClipResnet50
        if image == "resnet50":
            self.image = ClipResnet50(grid)
        else:
            self.image = ClipVit(*_SIZES[image], stride, grid, depth)
        self.sie, channels = sie, self.image.widths[1]
        self.sie_embed = nn.Parameter(normal(len(cameras), 1, channels)) if cameras else None
        self.reads_cameras = bool(cameras)
        if cameras:
            self.register_buffer("camera_numbers", torch.tensor(sorted(cameras)))
        widths = {"global": self.image.widths[1], "projected": self.image.widths[2]}
        self.neck = nn.ModuleDict({name: batch_norm(width) for name, width in widths.items()})
        self.dimensions = sum(widths.values())
        self.classifier = build_classifiers(network, widths, persons)
        if texts and self.classifier is not None:
            self.classifier["text"] = Texts(widths["projected"], persons)

    @property
    def texts(self) -> Texts | None:
        """The classifier of texts, where there is one: what a first stage fills."""
        if self.classifier is None or "text" not in self.classifier:
            return None
        return cast(Texts, self.classifier["text"])

    def last_maps(self) -> tuple[nn.Module, ...]:
        if isinstance(self.image, ClipVit):
            return (self.image.blocks[-2],)  # what the last layer makes of patches becomes nothing
        return (self.image.layer4,)

    def patch_tokens(self, images: Tensor) -> Tokens | None:
        if isinstance(self.image, ClipResnet50):
            return None
        stride = self.image.patch_embed.proj.stride[0]
        return read_first(grid_of(images.shape[2], images.shape[3], stride))

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        if isinstance(self.image, ClipVit):
            vectors = self.image(images, self._of_cameras(images, cameras))
        else:
            third, fourth, projected = self.image(images)
            vectors = (third.mean(dim=(2, 3)), fourth.mean(dim=(2, 3)), projected)
        told = [
            classified(name, vector, neck(vector), self.classifier)
            for (name, neck), vector in zip(self.neck.items(), vectors[1:], strict=True)
        ]
        told.append(classified("earlier", vectors[0], vectors[0], None))
        if self.texts is not None:
            told.append(classified("text", vectors[2], vectors[2], self.classifier))
        return Features(torch.cat(vectors[1:], dim=1), tuple(told))

    def _of_cameras(self, images: Tensor, cameras: Tensor | None) -> Tensor | None:
        """What a camera adds to the class token [B, 1, width]."""
        if self.sie_embed is None:
            return None
        numbers = self.camera_numbers
        return self.sie * of_cameras(self.sie_embed, numbers, cameras, images, self.training)


class Texts(Linear):
    """Vectors of the persons' texts [C, D], which no gradient changes; inner products with them.

    They are zero until a first stage has learnt them.
    """

    def __init__(self, channels: int, persons: int) -> None:
        super().__init__(channels, persons)
        nn.init.zeros_(self.weight).requires_grad_(False)


class ClipVit(nn.Module):
    """CLIP's ViT: class tokens of the layer before the last, the last, and the projected."""

    def __init__(
        self, width: int, projected: int, stride: int, grid: tuple[int, int], depth: int
    ) -> None:
        super().__init__()
        self.widths, self.grid = (width, width, projected), grid
        self.patch_embed = Patches(width, stride, bias=False)
        spread = width**-0.5
        self.cls_token = nn.Parameter(spread * torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(spread * torch.randn(1, 1 + grid[0] * grid[1], width))
        self.before = norm(width, _QUICK)
        heads = width // _OF_A_HEAD
        self.blocks = nn.Sequential(*(Layer(width, heads, 0.0, quick=True) for _ in range(depth)))
        self.behind = norm(width, _QUICK)
        self.proj = nn.Parameter(spread * torch.randn(width, projected))

    def forward(self, images: Tensor, added: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """added [B, 1, width]: to the class token, of the cameras."""
        patches, grid = self.patch_embed(images)
        first = self.cls_token.expand(images.shape[0], -1, -1)
        first = first if added is None else first + added
        places = self.pos_embed if grid == self.grid else resized(self.pos_embed, self.grid, grid)
        tokens = self.before(torch.cat([first, patches], dim=1) + places)
        earlier = self.blocks[:-1](tokens)
        last = self.behind(self.blocks[-1](earlier)[:, 0])
        return earlier[:, 0], last, last @ self.proj


def _check(network: Network, image: str, stride: int, cameras: Sequence[int]) -> None:
    if image not in get_args(Image):
        raise ValueError(f"image must be {', '.join(get_args(Image))}, got {image!r}")
    if not 1 <= stride <= PATCH:
        raise ValueError(f"stride must be from 1 to {PATCH}, got {stride}")
    if image == "resnet50" and (cameras or stride != PATCH):
        raise ValueError("clip_reid with image=resnet50 has neither cameras nor another stride")
    if network.start == "imagenet":
        raise ValueError(
            "clip_reid has no ImageNet weights: convert a file of CLIP-ReID's and name its folder "
            "as network.start, or say network.start=none"
        )
