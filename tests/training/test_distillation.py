"""distil(): a student learns without labels, from one or several teachers, and resumes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from passerby.config import LossTerm, Optimizer, Recipe, open_recipe
from passerby.data.reading.joining import join_splits
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder, load
from passerby.models.checkpoint import load_model, read_card, save_model
from passerby.models.system import build_model
from passerby.tables.records import Split
from passerby.training.distillation import distil, student_recipe
from passerby.training.input.teachers import make_targets
from passerby.training.record.logbook import read_metrics
from passerby.training.step.learner import Learner

SMALL = Path(__file__).parent / "small_net.py"
MakeModel = Callable[..., Path]


@pytest.fixture
def student() -> Recipe:
    """A small network at 32×16 with dropout; its losses are of training with labels."""
    return open_recipe(f"{SMALL}:small(epochs=2, validation_persons=0)")


@pytest.fixture(scope="module")
def images(tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny set's train images in folders whose names say nothing."""
    root = tmp_path_factory.mktemp("images") / "crops"
    for number, record in enumerate(read_split(str(tiny_root)).train):
        place = root / f"day{number % 2}" / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(record.image, place)
    return root


def agreement(student: Embedder, teacher: Embedder, split: Split) -> float:
    """Correlation of the cosines of all pairs of test images, of others than the train persons."""
    found = []
    for embedder in (student, teacher):
        vectors = embedder([record.image for record in (*split.query, *split.gallery)])
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        found.append((units @ units.T)[np.triu_indices(len(units), 1)])
    return float(np.corrcoef(found)[0, 1])


def test_a_student_gains_over_its_start_without_labels(
    student: Recipe, images: Path, tiny: Split, tmp_path: Path
) -> None:
    rate = Optimizer("adam", rate=2e-3)
    recipe = replace(student, epochs=25, augmentations=("flip",), optimizer=rate)
    run = distil(["default"], recipe, read_split(f"unlabelled={images}"), tmp_path / "run")
    torch.manual_seed(0)  # as the run began
    untrained = Embedder(build_model(recipe.network, 0), recipe.input)
    teacher = load("default")
    before, after = (agreement(one, teacher, tiny) for one in (untrained, load(run.out)))
    assert after > before + 0.15
    losses = [row["losses"] for row in read_metrics(run.out / "metrics.jsonl")]
    for name in ("distil_vectors", "distil_distances"):
        assert losses[-1][name] < losses[0][name]


def test_the_card_names_teachers_and_no_persons_of_its_own(
    student: Recipe, images: Path, tiny: Split, make_model: MakeModel, tmp_path: Path
) -> None:
    first = make_model(1)
    model, card = load_model(first)
    save_model(tmp_path / "second", model, replace(card, training_persons=("street/7",)))
    teachers = [str(first), str(tmp_path / "second")]
    split = join_splits([tiny, read_split(f"unlabelled={images}")], labelled=False)
    run = distil(teachers, student, split, tmp_path / "run")
    assert run.card.data["teachers"] == [
        {"name": "small1", "fingerprint": read_card(teacher).fingerprint} for teacher in teachers
    ]
    assert run.card.data["images"] == len(tiny.train) + len(list(images.rglob("*.jpg")))
    assert run.card.persons == 0
    known = tuple(f"synthetic/{number}" for number in range(1, 13))
    assert run.card.training_persons == (*known, "street/7")
    assert [term.loss for term in run.card.recipe.losses] == [
        "distil_vectors(width=1024)",
        "distil_distances",
    ]
    assert set(run.reports) == {"synthetic"}  # the test part that there is
    assert not (run.out / "targets").exists()  # vectors of persons are not left behind


def test_an_interrupted_student_resumes_to_the_same_weights(
    student: Recipe,
    images: Path,
    small_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = read_split(f"unlabelled={images}")
    whole = distil([str(small_model)], student, split, tmp_path / "whole")
    step, calls = Learner.step, []

    def interrupted(*arguments: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return step(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Learner, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        distil([str(small_model)], student, split, tmp_path / "cut", save_minutes=0)
    monkeypatch.setattr(Learner, "step", step)
    assert (tmp_path / "cut" / "targets" / "1.npz").exists()
    resumed = distil([str(small_model)], student, split, tmp_path / "cut", resume=True)
    first, second = (load_model(run.out)[0].state_dict() for run in (whole, resumed))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert whole.card == resumed.card


def test_another_teacher_is_another_run(
    student: Recipe, images: Path, make_model: MakeModel, tmp_path: Path
) -> None:
    split = read_split(f"unlabelled={images}")
    distil([str(make_model(1))], student, split, tmp_path)
    with pytest.raises(ValueError, match="another recipe or seed"):
        distil([str(make_model(2))], student, split, tmp_path, resume=True)


def test_targets_are_of_each_image_and_its_mirror_image_and_made_once(
    tiny: Split, make_model: MakeModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = tiny.train[:5]
    teachers = [load(make_model(seed), flip=True) for seed in (1, 2)]
    targets = make_targets(teachers, [*records, records[0]], tmp_path)
    cosines = []
    for teacher in teachers:
        vectors = teacher([record.image for record in records])
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines.append(units @ units.T)
    np.testing.assert_allclose((targets[:5] @ targets[:5].T).numpy(), sum(cosines) / 2, atol=1e-5)
    assert torch.equal(targets[5], targets[0])
    assert "embeds 5 images" in capsys.readouterr().out
    assert torch.equal(make_targets(teachers, [*records, records[0]], tmp_path), targets)
    assert "embeds" not in capsys.readouterr().out
    assert not torch.equal(make_targets(teachers[::-1], records, tmp_path), targets[:5])
    assert "embeds 5 images" in capsys.readouterr().out


def test_an_unreadable_image_is_passed_over(
    student: Recipe, images: Path, small_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(images, tmp_path / "crops")
    (tmp_path / "crops" / "day0" / "0.jpg").write_bytes(b"no image")
    split = read_split(f"unlabelled={tmp_path / 'crops'}")
    run = distil([str(small_model)], replace(student, epochs=1), split, tmp_path / "run")
    losses = read_metrics(run.out / "metrics.jsonl")[0]["losses"]
    assert np.isfinite(list(losses.values())).all()


def test_labels_keep_their_batches_and_own_losses_stay(student: Recipe, tiny: Split) -> None:
    teacher = load("default")
    made = student_recipe(student, [teacher], tiny)
    assert made.sampling == student.sampling
    assert made.name == "small, distilled"
    assert teacher.fingerprint in made.origins[0]
    own = replace(student, losses=(LossTerm("distil_similarities", weight=3000.0),))
    assert student_recipe(own, [teacher], tiny).losses == own.losses


def test_without_a_teacher_there_is_advice(student: Recipe, tiny: Split, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a teacher: name a MODEL"):
        distil([], student, tiny, tmp_path)


def test_the_command(
    passerby_command: Callable, images: Path, small_model: Path, tmp_path: Path
) -> None:
    done = passerby_command(
        "distil", small_model, "--student", f"{SMALL}:small", "--data", f"unlabelled={images}",
        "--out", tmp_path / "run", "--set", "epochs=1", "--set", "losses.distil_distances.weight=2",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert f"the model is in {tmp_path / 'run'}" in done.out
    recipe = read_card(tmp_path / "run").recipe
    assert [term.weight for term in recipe.losses] == [1.0, 2.0]
    assert recipe.sampling.images == 1
