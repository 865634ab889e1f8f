"""A run that learns from joints: on a drawn set with them, and on images without."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from passerby.config import Input, Recipe, Sampling
from passerby.data.reading.reader import read_split
from passerby.models.checkpoint import load_model
from passerby.registry import RECIPES
from passerby.synthesis.writing import write
from passerby.tables.records import Split
from passerby.training.loop import train


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """Persons with their joints; nobody is tested."""
    folder = tmp_path_factory.mktemp("drawn") / "set"
    return read_split(
        str(write(folder, train_persons=4, test_persons=0, cameras=2, images=1, joints=True))
    )


def tiny_recipe() -> Recipe:
    recipe = RECIPES.build("aacn(scale=compact)")
    return replace(
        recipe,
        epochs=2,
        input=Input(height=48, width=24),
        sampling=Sampling(persons=4, images=2, limit=1),
        network=replace(
            recipe.network, system="aacn(width=4, attention_width=2, halvings=1, stages=1)"
        ),
        phases=tuple(replace(phase, epochs=1) for phase in recipe.phases),
    )


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on the way."""
    return "".join(capsys.readouterr())


def test_the_attention_learns_alone_from_joints_first(
    drawn: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tiny_recipe()
    train(recipe, drawn, tmp_path / "run")
    assert "joints are known of 8 of 8 images" in told(capsys)
    alone = replace(recipe, epochs=1, phases=recipe.phases[:1])
    train(alone, drawn, tmp_path / "alone")
    fresh = replace(alone, phases=(replace(alone.phases[0], rate=1e-12),))
    train(fresh, drawn, tmp_path / "fresh")
    before, first, both = (
        load_model(tmp_path / name, classifier=True)[0].state_dict()
        for name in ("fresh", "alone", "run")
    )
    learnt = {n for n in before if not torch.allclose(before[n], first[n], atol=1e-6)}
    assert learnt
    assert all(name.startswith("part_attention.") for name in learnt)
    assert not torch.equal(first["backbone.conv1.weight"], both["backbone.conv1.weight"])


def test_without_joints_it_says_so_and_goes_on(
    drawn: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = replace(drawn, train=tuple(replace(record, joints=()) for record in drawn.train))
    run = train(tiny_recipe(), unknown, tmp_path / "run")
    assert "joints are known of no image" in told(capsys)
    assert run.card.epoch == 2


def test_without_joints_the_attention_stays_as_it_was(drawn: Split, tmp_path: Path) -> None:
    unknown = replace(drawn, train=tuple(replace(record, joints=()) for record in drawn.train))
    recipe = tiny_recipe()
    found = []
    for rate in (5e-3, 1e-12):
        phase = replace(recipe.phases[0], rate=rate)
        alone = replace(recipe, epochs=1, phases=(phase,))
        train(alone, unknown, tmp_path / f"{rate}")
        found.append(dict(load_model(tmp_path / f"{rate}")[0].named_parameters()))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[1])
