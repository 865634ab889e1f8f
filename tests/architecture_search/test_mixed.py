"""The mixed network against sums written out, and against the network of one choice."""

import torch
from torch import nn

from passerby.architecture_search.mixed import MixedBackbone, MixedCell, MixedEdge
from passerby.architecture_search.strengths import Strengths, edges
from passerby.models.backbones.auto_reid import AutoReid
from passerby.models.cells.operations import NAMES


@torch.no_grad()
def test_an_edge_is_the_weighted_sum():
    torch.manual_seed(0)
    for stride in (1, 2):
        edge = MixedEdge(6, stride).eval()
        maps = torch.randn(2, 6, 8, 4)
        shares = torch.randn(len(NAMES)).softmax(dim=0)
        expected = torch.zeros(2, 6, 8 // stride, 4 // stride)
        for name in NAMES[1:]:
            expected += shares[NAMES.index(name)] * edge.operations[name](maps)
        torch.testing.assert_close(edge(maps, shares), expected)
        pool = edge.operations["max_pool_3x3"]
        assert isinstance(pool[1], nn.BatchNorm2d)
        assert not pool[1].affine


@torch.no_grad()
def test_a_cell_takes_all_edges():
    torch.manual_seed(0)
    cell = MixedCell(3, (4, 6), 6, 2, 1).eval()
    shares = torch.randn(9, len(NAMES)).softmax(dim=1)
    before, last = torch.randn(2, 4, 8, 4), torch.randn(2, 6, 8, 4)
    states = {0: cell.inputs[0](before), 1: cell.inputs[1](last)}
    for number, (node, source) in enumerate(edges(3)):
        brought = cell.edges[number](states[source], shares[number])
        states[node] = states[node] + brought if node in states else brought
    expected = torch.cat([states[2], states[3], states[4]], dim=1)
    torch.testing.assert_close(cell(before, last, shares), expected)


def test_where_one_operation_has_all_of_each_edge_it_is_the_network_of_these():
    """Without pooling, whose batch norm the found network has not, and with all edges kept."""
    torch.manual_seed(0)
    strengths = Strengths(1)  # a node has two edges: both are kept
    with torch.no_grad():
        for own, names in (
            (strengths.normal, ("sep_conv_3x3", "skip_connect")),
            (strengths.reduction, ("part_aware", "dil_conv_3x3")),
        ):
            own.fill_(-200.0)
            for edge, name in enumerate(names):
                own[edge, NAMES.index(name)] = 0.0
    mixed = MixedBackbone(strengths, 6, (1, 2)).eval()
    genotype = strengths.genotype()
    chosen = AutoReid(genotype, 6, (1, 2)).eval()
    state, theirs = chosen.state_dict(), mixed.state_dict()
    cells = {0: genotype.normal, 1: genotype.reduction, 2: genotype.normal}
    for name in state:
        there = name
        if ".nodes.0." in name:  # cells.CELL.nodes.0.EDGE.REST
            _, cell, _, _, number, rest = name.split(".", 5)
            edge = cells[int(cell)][0][int(number)]
            there = f"cells.{cell}.edges.{edge.node}.operations.{edge.operation}.{rest}"
        if there in theirs:  # weights of norms, which are not there, begin as if they were not
            state[name] = theirs[there]
    chosen.load_state_dict(state)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(mixed(images), chosen(images))


def test_strengths_have_a_gradient_from_every_cell():
    torch.manual_seed(0)
    strengths = Strengths(2)
    mixed = MixedBackbone(strengths, 4, (1, 1))
    mixed(torch.randn(4, 3, 64, 32)).square().sum().backward()
    for own in (strengths.normal, strengths.reduction):
        assert own.grad is not None
        assert (own.grad.abs().sum(dim=1) > 0).all()
