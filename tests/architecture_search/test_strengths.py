"""Strengths to cells, as DARTS derives them."""

import torch

from passerby.architecture_search.strengths import Strengths, changes, edges
from passerby.models.cells.genotype import Genotype
from passerby.models.cells.operations import NAMES


def test_edges_come_by_node_and_source():
    assert edges(3) == [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (4, 2), (4, 3)]
    assert Strengths(4).normal.shape == (14, 7)


def test_they_begin_nearly_equal_and_by_the_seed():
    torch.manual_seed(3)
    first = Strengths(2)
    torch.manual_seed(3)
    assert torch.equal(Strengths(2).reduction, first.reduction)
    assert 0 < float(first.normal.detach().abs().max()) < 0.01


def test_the_two_strongest_edges_of_each_node_are_kept():
    strengths = Strengths(2)
    with torch.no_grad():
        strengths.normal.zero_()
        strengths.reduction.zero_()
        # (edge, operation, strength): node 2 has edges 0 and 1, node 3 the edges 2 to 4.
        for edge, operation, value in [
            (0, "part_aware", 1.0),
            (1, "skip_connect", 3.0),
            (2, "sep_conv_3x3", 1.0),
            (3, "max_pool_3x3", 0.5),
            (4, "dil_conv_3x3", 2.0),
            (4, "none", 9.0),  # takes the share of the others: the edge is the weakest
        ]:
            strengths.normal[edge, NAMES.index(operation)] = value
        strengths.reduction[:, NAMES.index("avg_pool_3x3")] = 1.0
    found = strengths.genotype()
    assert str(Genotype(found.normal, found.normal)).split("; ")[0] == (
        "skip_connect 1 + part_aware 0, sep_conv_3x3 0 + max_pool_3x3 1"
    )
    assert {edge.operation for node in found.reduction for edge in node} == {"avg_pool_3x3"}
    assert [len(node) for node in found.reduction] == [2, 2]


def test_none_is_never_chosen():
    strengths = Strengths(4)
    with torch.no_grad():
        strengths.normal[:, NAMES.index("none")] = 5.0
    assert "none" not in str(strengths.genotype())


def test_shares_are_the_softmax():
    strengths = Strengths(1)
    with torch.no_grad():
        strengths.normal.zero_()
        strengths.normal[1, NAMES.index("part_aware")] = 2.0
    rows = strengths.shares()["normal"]
    assert [(row["node"], row["from"]) for row in rows] == [(2, 0), (2, 1)]
    assert rows[0]["none"] == 0.1429
    assert rows[1]["part_aware"] == round(2.718281828**2 / (6 + 2.718281828**2), 4)


def test_changed_edges_are_counted():
    one = Genotype.parse("skip_connect 0 + none 1; skip_connect 0 + none 1")
    other = Genotype.parse("none 1 + skip_connect 0; skip_connect 0 + part_aware 1")
    assert changes(one, one) == 0
    assert changes(one, other) == 1
