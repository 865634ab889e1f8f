"""The recipe `osnet`: its network in all widths and variants, and slips."""

from dataclasses import replace

import pytest
import torch

from passerby.models.systems.plain import Plain
from passerby.recipes.osnet import osnet
from passerby.tables.records import Split
from passerby.training.loop import train


@pytest.mark.parametrize("width", [1.0, 0.75, 0.5, 0.25])
@pytest.mark.parametrize("variant", ["plain", "ibn", "ain"])
def test_the_embedding_is_what_the_classifier_and_the_test_see(width, variant):
    network = replace(osnet(width, variant).network, start="none")
    with torch.device("meta"):
        model = Plain(network, persons=5)
        features = model(torch.empty(2, 3, 256, 128))
    assert features.embedding.shape == features.before_neck.shape == (2, 512)
    assert features.parts[0].similarities.shape == (2, 5)


def test_names_say_what_was_asked_for():
    assert osnet().name == "osnet"
    assert osnet(0.25, "ain", "msmt17").name == "osnet(width=0.25, variant=ain, data=msmt17)"
    assert "expected on msmt17 at width 0.25, plain: rank-1 61.4, mAP 29.5" in " ".join(
        osnet(0.25, "ain", "msmt17").origins
    )


def test_the_compact_scale_is_one_phase_from_random_weights():
    small = osnet(0.25, scale="compact")
    assert small.name == "osnet(width=0.25, scale=compact)"
    assert (small.phases, small.network.start) == ((), "none")
    assert replace(small.network, start="imagenet") == osnet(0.25).network
    assert any("OSNet x0.25 at 192×64 without pretraining" in line for line in small.origins)
    assert (small.epochs, small.optimizer.rate) == (50, 3e-3)
    assert "rate 3e-3 and 50 epochs in place" in small.origins[-1]


def test_phases_add_up():
    assert sum(phase.epochs for phase in osnet().phases) == osnet().epochs == 150
    first, second = osnet().phases
    steps = [first.epochs + step for step in osnet().schedule.steps]
    assert (steps, second.trains) == ([60, 120], ("*",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0.3}, "osnet takes width 1.0, 0.75, 0.5 or 0.25 .* got width 0.3"),
        ({"data": "cuhk03"}, "got width 1.0 and data 'cuhk03'"),
        ({"variant": "in"}, "variant must be plain, ibn or ain, got 'in'"),
    ],
)
def test_slips_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        osnet(**options)


def test_it_trains(tiny: Split, tmp_path):
    """Both phases, small, to the score at the end."""
    recipe = osnet(0.25)
    first, second = recipe.phases
    recipe = replace(
        recipe,
        epochs=2,
        input=replace(recipe.input, height=64, width=32),
        network=replace(recipe.network, start="none"),
        sampling=replace(recipe.sampling, persons=4),
        phases=(replace(first, epochs=1), replace(second, epochs=1)),
    )
    run = train(recipe, tiny, tmp_path / "run", seed=0)
    assert run.report.queries > 0
