"""A cell against its graph, walked node by node."""

import pytest
import torch

from passerby.models.cells.cell import Cell
from passerby.models.cells.genotype import Genotype

GENOTYPE = Genotype.parse(
    "sep_conv_3x3 0 + skip_connect 1, dil_conv_3x3 2 + part_aware 0, avg_pool_3x3 3 + none 1; "
    "max_pool_3x3 0 + part_aware 1, skip_connect 2 + skip_connect 0, dil_conv_3x3 3 + none 2"
)


@torch.no_grad()
@pytest.mark.parametrize("last_stride", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_cell_is_its_graph(stride, last_stride):
    torch.manual_seed(0)
    nodes = GENOTYPE.normal if stride == 1 else GENOTYPE.reduction
    cell = Cell(nodes, (3, 6), 4, stride, last_stride).eval()
    before = torch.randn(2, 3, 8 * last_stride, 8)
    before = before if last_stride == 2 else before[..., :4]
    last = torch.randn(2, 6, 8, 4)
    states = {0: cell.inputs[0](before), 1: cell.inputs[1](last)}
    for number, node in enumerate(nodes, 2):
        first, second = (
            operation(states[edge.node])
            for edge, operation in zip(node, cell.nodes[number - 2], strict=True)
        )
        states[number] = first + second
    expected = torch.cat([states[2], states[3], states[4]], dim=1)
    assert expected.shape == (2, 12, 8 // stride, 4 // stride)
    torch.testing.assert_close(cell(before, last), expected)


def test_in_a_reduction_cell_only_what_comes_from_outside_is_halved():
    cell = Cell(GENOTYPE.reduction, (3, 6), 4, 2, 1)
    assert (cell.nodes[0][0].stride, cell.nodes[0][1].stride) == (2, 2)
    assert isinstance(cell.nodes[1][0], torch.nn.Identity)  # of node 2
    assert not isinstance(cell.nodes[1][1], torch.nn.Identity)  # of node 0
    assert cell.nodes[2][0].depthwise.stride == (1, 1)
