"""Auto-ReID: a ResNet whose residual blocks are cells that a search has found.

Quan, Dong, Wu, Zhu, Yang, "Auto-ReID: Searching for a Part-Aware ConvNet for Person
Re-Identification", ICCV 2019, https://arxiv.org/abs/1903.09776.

The published cells are those of ``models/genotypes.py`` in the authors' Auto-ReID-and-Others, the
networks of the paper's Table 1: ``darts`` found by classification among the operations of DARTS,
``reid_space`` with the part-aware operation added, ``retrieval`` with the search by retrieval,
too, which is Auto-ReID. (The strength of each edge, which stands there as well, is of no use to a
network.) A test compares ours with that file.

The network around the cells is not in that file, and the text of the paper was open to us only as
far as its introduction. Ours is the nearest that agrees with what its abstract counts: the stem of
ResNet, then its four stages, halved in between, of two cells each as ResNet-18 has two blocks;
nodes of 64 to 512 channels, so that cells, of four nodes, are as wide as ResNet-50's stages (256 to
2048). With a classifier of 751 persons it has 54 % fewer parameters than a ResNet-50 (abstract: 50)
and 52 % fewer multiplications at 384×128 (abstract: 53); as many cells as ResNet-50 has blocks are
16 % and 8 % fewer. What the cell before the last puts out is halved by a reduction cell as in
DARTS. Nothing stands behind the last cell: its sums are pooled as they are.
"""

from __future__ import annotations

from torch import Tensor, nn

from passerby.models.backbones import Backbone, require_no_attention
from passerby.models.cells.cell import Cell
from passerby.models.cells.genotype import Genotype
from passerby.registry import BACKBONES

PUBLISHED = {
    "darts": (
        "dil_conv_3x3 1 + dil_conv_3x3 0, dil_conv_3x3 1 + sep_conv_3x3 2, "
        "dil_conv_3x3 2 + sep_conv_3x3 1, sep_conv_3x3 2 + sep_conv_3x3 3; "
        "sep_conv_3x3 1 + skip_connect 0, max_pool_3x3 2 + dil_conv_3x3 1, "
        "max_pool_3x3 0 + dil_conv_3x3 2, skip_connect 0 + dil_conv_3x3 4"
    ),
    "reid_space": (
        "dil_conv_3x3 0 + skip_connect 1, max_pool_3x3 2 + sep_conv_3x3 0, "
        "max_pool_3x3 3 + sep_conv_3x3 1, sep_conv_3x3 2 + dil_conv_3x3 3; "
        "skip_connect 1 + part_aware 0, avg_pool_3x3 2 + part_aware 0, "
        "sep_conv_3x3 1 + avg_pool_3x3 2, skip_connect 4 + max_pool_3x3 3"
    ),
    "retrieval": (
        "sep_conv_3x3 0 + skip_connect 1, dil_conv_3x3 2 + dil_conv_3x3 0, "
        "dil_conv_3x3 3 + sep_conv_3x3 2, dil_conv_3x3 4 + dil_conv_3x3 3; "
        "max_pool_3x3 0 + part_aware 1, sep_conv_3x3 0 + dil_conv_3x3 2, "
        "dil_conv_3x3 2 + max_pool_3x3 0, dil_conv_3x3 4 + dil_conv_3x3 3"
    ),
}


class AutoReid(Backbone):
    """Stem, then stages of cells: the first cell of each but the first stage halves the maps.

    Args:
        genotype: of the cells.
        width: channels of a node in the first stage; twice as many in each that follows.
        stages: how many cells each has.
    """

    def __init__(self, genotype: Genotype, width: int, stages: tuple[int, ...]) -> None:
        super().__init__()
        self.stages = stages
        self.stem = stem(width)
        self.cells = nn.ModuleList()
        channels, last_stride = (width, width), 1
        for own, stride in cells_of(width, stages):
            nodes = genotype.normal if stride == 1 else genotype.reduction
            self.cells.append(Cell(nodes, channels, own, stride, last_stride))
            channels, last_stride = (channels[1], own * len(nodes)), stride
        self.channels = channels[1]

    def forward(self, images: Tensor) -> Tensor:
        """Maps [B, nodes · width · 2^(stages − 1), H / 32, W / 32] of four stages."""
        before = last = self.stem(images)
        for cell in self.cells:
            before, last = last, cell(before, last)
        return last


def stem(width: int) -> nn.Sequential:
    """ResNet's: a 7×7 convolution and a maximum, each of stride 2."""
    return nn.Sequential(
        nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


def cells_of(width: int, stages: tuple[int, ...]) -> list[tuple[int, int]]:
    """Width and stride of each cell of the stages, in order.

    >>> cells_of(64, (2, 1))
    [(64, 1), (64, 1), (128, 2)]
    """
    return [
        (width << number, 2 if number and not place else 1)
        for number, cells in enumerate(stages)
        for place in range(cells)
    ]


@BACKBONES.register
def auto_reid(
    start: str,
    attention: str,
    cells: str = "retrieval",
    width: int = 64,
    stages: tuple[int, ...] = (2, 2, 2, 2),
) -> AutoReid:
    """Auto-ReID; cells: darts, reid_space, retrieval, or written out as a search writes them."""
    require_no_attention(attention, "auto_reid")
    if start == "imagenet":
        raise ValueError(
            "there are no ImageNet weights of auto_reid: its authors published none; set "
            "network.start=none"
        )
    if width < 2 or not stages or min(stages) < 1:
        raise ValueError(
            "auto_reid takes a width of at least 2 and at least one cell in each stage, got width "
            f"{width} and stages {stages}"
        )
    if ";" not in cells and cells not in PUBLISHED:
        raise ValueError(
            f"cells must be {', '.join(PUBLISHED)}, or written out as 'sep_conv_3x3 0 + "
            f"skip_connect 1, ...; ...', got {cells!r}"
        )
    return AutoReid(Genotype.parse(PUBLISHED.get(cells, cells)), width, tuple(stages))
