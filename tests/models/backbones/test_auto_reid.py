"""Auto-ReID: the authors' cells, the counts of the paper's abstract, slips."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from passerby.models.backbones.auto_reid import PUBLISHED, cells_of
from passerby.models.cells.genotype import Genotype
from passerby.registry import BACKBONES

CLASSIFIER = 751 * 2048  # of Market-1501


def build(call="auto_reid"):
    torch.manual_seed(0)
    return BACKBONES.build(call, start="none", attention="none")


def cost(call):
    """Parameters, multiplications at 384×128, both with the classifier."""
    with torch.device("meta"), torch.no_grad():
        network = build(call).eval()
        with FlopCounterMode(display=False) as counter:
            maps = network(torch.empty(1, 3, 384, 128))
    assert maps.shape == (1, network.channels, 12, 4)
    count = sum(parameter.numel() for parameter in network.parameters())
    return count + CLASSIFIER, counter.get_total_flops() / 2 + CLASSIFIER


def test_the_counts_are_near_those_of_the_abstract():
    """ "reducing 50% parameters and 53% FLOPs compared to others"."""
    parameters, multiplications = cost("auto_reid")
    theirs = cost("resnet50(last_stride=2)")
    assert 1 - parameters / theirs[0] == pytest.approx(0.54, abs=0.005)
    assert 1 - multiplications / theirs[1] == pytest.approx(0.52, abs=0.005)
    deep = cost("auto_reid(stages=(3, 4, 6, 3))")
    assert 1 - deep[0] / theirs[0] == pytest.approx(0.16, abs=0.005)
    assert 1 - deep[1] / theirs[1] == pytest.approx(0.08, abs=0.005)


def test_the_cells_are_the_authors(peer_code):
    file = peer_code("Auto-ReID-and-Others", "models.genotypes")
    theirs = (file.BASELINE, file.BASELINE_REID_SEARCH_SPACE, file.RETRIEVAL_REID_SEARCH_SPACE)
    for name, published in zip(("darts", "reid_space", "retrieval"), theirs, strict=True):
        ours = Genotype.parse(PUBLISHED[name])
        for cell, edges in ((ours.normal, published.normal), (ours.reduction, published.reduce)):
            assert [tuple(edge) for node in cell for edge in node] == [e[:2] for e in edges]
            assert [len(node) for node in cell] == [2, 2, 2, 2]
        assert list(published.normal_concat) == list(published.reduce_concat) == [2, 3, 4, 5]


def test_all_that_is_there_is_trained():
    for cells in PUBLISHED:
        network = build(f"auto_reid(cells={cells}, width=4, stages=(1, 1))").train()
        network(torch.randn(4, 3, 64, 32)).square().sum().backward()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_cells_can_be_written_out():
    text = "sep_conv_3x3 0 + skip_connect 1; part_aware 0 + max_pool_3x3 1"
    network = build(f"auto_reid(cells='{text}', width=6, stages=(1, 2))")
    assert network.channels == 12
    assert network(torch.randn(2, 3, 64, 32)).shape == (2, 12, 8, 4)
    assert build(f"auto_reid(cells='{PUBLISHED['retrieval']}', width=4)").channels == 128


def test_widths_double_with_each_stage():
    assert cells_of(8, (1, 2, 1)) == [(8, 1), (16, 2), (16, 1), (32, 2)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("auto_reid(cells=retrival)", "cells must be darts, reid_space, retrieval, or written out"),
        ("auto_reid(cells='skip 0; none 0')", "no operation is named 'skip'"),
        ("auto_reid(width=1)", "a width of at least 2 .* got width 1"),
        ("auto_reid(stages=(2, 0))", r"at least one cell in each stage, .*stages \(2, 0\)"),
        ("auto_reid(stages=())", r"stages \(\)"),
    ],
)
def test_slips_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        build(call)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": "imagenet", "attention": "none"}, "no ImageNet weights of auto_reid"),
        ({"start": "none", "attention": "cbam"}, "auto_reid has none"),
    ],
)
def test_what_it_cannot_start_from(given, message):
    with pytest.raises(ValueError, match=message):
        BACKBONES.build("auto_reid", **given)
