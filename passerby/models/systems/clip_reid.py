"""CLIP-ReID: the image side of CLIP, fine-tuned for persons.

Li et al., "CLIP-ReID: Exploiting Vision-Language Model for Image Re-Identification without
Concrete Text Labels", AAAI 2023, https://arxiv.org/abs/2211.13977.

Two vectors side by side tell persons: the one before CLIP's projection and the projected one, both
before their batch norms; in training the vector of the layer (ViT) or stage (ResNet) before the
last has a triplet loss too. Text has its say in the authors' training alone, whose two stages are
not here: an image is embedded without it. Read in the authors' code (Syliz517/CLIP-ReID): a
learned vector per camera, times ``sie``, is added to the class token alone and before its place;
CLIP's own activation and norms; of the ResNet the fourth stage keeps its size.

Ours: a camera that is not known gets the mean of the trained cameras' vectors, as in TransReID;
inputs of another size than ``height`` and ``width`` interpolate the position embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from passerby.config import Network
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

Image = Literal["vit_base", "resnet50"]

_WIDTH, _LAYERS, _HEADS, _PROJECTED = 768, 12, 12, 512
_QUICK = 1e-5


@SYSTEMS.register
class ClipReid(System):
    """CLIP-ReID's image side (Li et al. 2023): parts "earlier", "global" and "projected".

    image: vit_base or resnet50 (which has no cameras); stride: pixels between patches; cameras:
    the training set's own numbers, none without side information; sie: its weight; depth: layers
    of the ViT, two or more. The embedding is "global" and "projected" side by side, before the
    batch norms [B, 1280 or 3072].
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
        height: int = 256,
        width: int = 128,
    ) -> None:
        super().__init__()
        require_defaults(network, "clip_reid", frozenset({"classifier"}))
        _check(network, image, stride, cameras)
        grid = grid_of(height, width, stride)
        self.image: ClipVit | ClipResnet50
        vit = image == "vit_base"
        self.image = ClipVit(stride, grid, depth) if vit else ClipResnet50(grid)
        self.sie = sie
        self.sie_embed = nn.Parameter(normal(len(cameras), 1, _WIDTH)) if cameras else None
        self.reads_cameras = bool(cameras)
        if cameras:
            self.register_buffer("camera_numbers", torch.tensor(sorted(cameras)))
        widths = {"global": self.image.widths[1], "projected": self.image.widths[2]}
        self.neck = nn.ModuleDict({name: batch_norm(width) for name, width in widths.items()})
        self.dimensions = sum(widths.values())
        self.classifier = build_classifiers(network, widths, persons)

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
        earlier = classified("earlier", vectors[0], vectors[0], None)
        return Features(torch.cat(vectors[1:], dim=1), (*told, earlier))

    def _of_cameras(self, images: Tensor, cameras: Tensor | None) -> Tensor | None:
        """What a camera adds to the class token [B, 1, 768]."""
        if self.sie_embed is None:
            return None
        numbers = self.camera_numbers
        return self.sie * of_cameras(self.sie_embed, numbers, cameras, images, self.training)


class ClipVit(nn.Module):
    """CLIP's ViT-B/16: class tokens of the layer before the last, the last, and the projected."""

    widths = (_WIDTH, _WIDTH, _PROJECTED)

    def __init__(self, stride: int, grid: tuple[int, int], depth: int) -> None:
        super().__init__()
        self.grid = grid
        self.patch_embed = Patches(_WIDTH, stride, bias=False)
        spread = _WIDTH**-0.5
        self.cls_token = nn.Parameter(spread * torch.randn(1, 1, _WIDTH))
        self.pos_embed = nn.Parameter(spread * torch.randn(1, 1 + grid[0] * grid[1], _WIDTH))
        self.before = norm(_WIDTH, _QUICK)
        self.blocks = nn.Sequential(*(Layer(_WIDTH, _HEADS, 0.0, quick=True) for _ in range(depth)))
        self.behind = norm(_WIDTH, _QUICK)
        self.proj = nn.Parameter(spread * torch.randn(_WIDTH, _PROJECTED))

    def forward(self, images: Tensor, added: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """added [B, 1, 768]: to the class token, of the cameras."""
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
        raise ValueError(f"image must be {' or '.join(get_args(Image))}, got {image!r}")
    if not 1 <= stride <= PATCH:
        raise ValueError(f"stride must be from 1 to {PATCH}, got {stride}")
    if image == "resnet50" and (cameras or stride != PATCH):
        raise ValueError("clip_reid with image=resnet50 has neither cameras nor another stride")
    if network.start == "imagenet":
        raise ValueError(
            "clip_reid has no ImageNet weights: convert a file of CLIP-ReID's and name its folder "
            "as network.start, or say network.start=none"
        )
