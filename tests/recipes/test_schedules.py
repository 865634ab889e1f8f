"""The learning rate of recipes, epoch by epoch, against the authors' own formulas."""

import math

import pytest

from passerby.registry import RECIPES
from passerby.training.step.optimizer import rate_factor


def bag_of_tricks(epoch):
    """Their ``WarmupMultiStepLR`` at its step ``epoch``; the trainer steps before each epoch."""
    warm_up = 1.0
    if epoch < 10:
        alpha = epoch / 10
        warm_up = 0.01 * (1 - alpha) + alpha
    passed = len([milestone for milestone in (40, 70) if milestone <= epoch])  # bisect_right
    return 3.5e-4 * warm_up * 0.1**passed


def transreid(epoch):
    """Their ``CosineLRScheduler``, of timm, whose step is given the epoch before it begins."""
    if epoch < 5:
        start = 0.01 * 0.008
        return start + epoch * (0.008 - start) / 5
    lowest = 0.002 * 0.008
    if epoch >= 120:  # its only cycle is over
        return lowest
    return lowest + 0.5 * (0.008 - lowest) * (1 + math.cos(math.pi * epoch / 120))


@pytest.mark.parametrize(
    ("name", "authors"), [("bot", bag_of_tricks), ("agw", bag_of_tricks), ("transreid", transreid)]
)
def test_every_epoch_has_the_authors_rate(name, authors):
    recipe = RECIPES.build(name)
    for number in range(1, recipe.epochs + 1):  # their epochs begin with 1
        for part in (0, 0.25, 0.999):  # and keep their rate to the end
            done = number - 1 + part
            found = recipe.optimizer.rate * rate_factor(done, recipe.epochs, recipe.schedule)
            assert found == pytest.approx(authors(number), rel=1e-12), f"epoch {number}"


def test_the_first_epochs_and_the_drops_by_hand():
    recipe = RECIPES.build("bot")

    def factor(number):
        return rate_factor(number - 1, recipe.epochs, recipe.schedule)

    assert factor(1) == pytest.approx(0.109)
    assert [factor(n) for n in (9, 10, 39, 40, 69, 70)] == pytest.approx(
        [0.901, 1, 1, 0.1, 0.1, 0.01]
    )
