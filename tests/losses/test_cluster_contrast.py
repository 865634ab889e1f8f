"""Cluster contrast against a loop in plain Python: loss, memory, gradient."""

import math
from types import SimpleNamespace

import pytest
import torch

from passerby.losses.cluster_contrast import ClusterContrast

PERSONS = 5


def made(width, **options):
    loss = ClusterContrast(**options)
    loss.prepare(SimpleNamespace(embedding=torch.zeros(1, width)), PERSONS)
    return loss.double()


def value_of(loss, rows, persons):
    return loss(SimpleNamespace(embedding=rows), SimpleNamespace(persons=torch.tensor(persons)))


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


def slowly(memory, rows, persons, temperature, momentum):
    """The loss of one batch; changes the memory, {person: centroid}, as Dai et al. write it."""
    rows = [unit(row) for row in rows.tolist()]
    for person in sorted({*persons} - {*memory}):
        own = [row for row, who in zip(rows, persons, strict=True) if who == person]
        memory[person] = unit([sum(column) for column in zip(*own, strict=True)])
    total = 0.0
    for row, person in zip(rows, persons, strict=True):
        away = {
            who: math.exp(sum(x * y for x, y in zip(row, centre, strict=True)) / temperature)
            for who, centre in memory.items()
        }
        total -= math.log(away[person] / sum(away.values()))
    for row, person in zip(rows, persons, strict=True):
        pairs = zip(memory[person], row, strict=True)
        memory[person] = unit([momentum * c + (1 - momentum) * x for c, x in pairs])
    return total / len(rows)


@pytest.mark.parametrize(("temperature", "momentum"), [(0.05, 0.2), (0.5, 0.0), (1.0, 0.9)])
def test_against_a_loop_over_batches(temperature, momentum):
    torch.manual_seed(3)
    loss, memory = made(4, temperature=temperature, momentum=momentum), {}
    for persons in ([0, 0, 2, 2], [2, 2, 3, 3], [0, 3, 0, 4], [0, 2, 3, 4]):
        rows = torch.randn(4, 4, dtype=torch.float64)
        expected = slowly(memory, rows, persons, temperature, momentum)
        assert value_of(loss, rows, persons).item() == pytest.approx(expected, rel=1e-9)
        for person, centre in memory.items():
            assert loss.centroids[person].tolist() == pytest.approx(centre, rel=1e-9)
    assert loss.seen.tolist() == [True, False, True, True, True]


def test_gradient_reaches_the_images_alone():
    torch.manual_seed(4)
    loss = made(3, temperature=0.3)
    value_of(loss, torch.randn(6, 3, dtype=torch.float64), [0, 0, 1, 1, 2, 2])
    loss.eval()  # the memory stays as it is
    rows = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda r: value_of(loss, r, [0, 1, 2, 0]), (rows,))
    assert not [*loss.parameters()]


def test_the_memory_is_saved_with_a_checkpoint():
    loss, other = made(3), made(3)
    value_of(loss, torch.randn(4, 3, dtype=torch.float64), [0, 0, 3, 3])
    other.load_state_dict(loss.state_dict())
    assert torch.equal(other.centroids, loss.centroids)
    assert other.seen.tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("options", [{"temperature": 0}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_options_that_make_no_sense(options):
    with pytest.raises(ValueError, match="temperature above 0 and a momentum"):
        ClusterContrast(**options)
