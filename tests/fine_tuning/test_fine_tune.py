"""Fine-tuning on drawn sightings whose cameras have colours of their own: what it leaves behind.

The packaged model learns of 40 persons without their names, and is scored on 20 others.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import passerby
from passerby.embedding.embedder import load
from passerby.evaluation.report import Report
from passerby.fine_tuning import fine_tune as story
from passerby.fine_tuning.fine_tune import Effort, FineTuned, GuardWorsened, fine_tune
from passerby.fine_tuning.pseudo_persons import PseudoPersons, gallery_of_crops
from passerby.gallery.gallery import Gallery
from passerby.models.checkpoint import read_card
from passerby.process.interruption import Stopped
from passerby.stores import Store
from passerby.synthesis.writing import write
from passerby.tables.records import Record

CASTS = {1: (1.0, 0.8, 0.55), 2: (0.6, 0.8, 1.0), 3: (0.8, 1.0, 0.7)}
SMALL = Effort(rounds=1, images=450)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 train persons and 20 test persons by three cameras, each with a cast of its own."""
    root = tmp_path_factory.mktemp("site")
    write(
        root, seed=5, train_persons=40, test_persons=20, cameras=3, images=2, distractors=0, junk=0
    )
    for file in root.glob("*/*.jpg"):
        cast = CASTS[int(file.name.split("_c")[1][0])]
        pixels = np.asarray(Image.open(file), np.float32) * cast
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, quality=90)
    for number, file in enumerate(sorted((root / "bounding_box_train").glob("*.jpg"))):
        camera = root / "sightings" / f"camera{file.name.split('_c')[1][0]}"
        camera.mkdir(parents=True, exist_ok=True)
        file.rename(camera / f"{number}.jpg")  # nothing but the camera is told
    return root


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Labelled persons of elsewhere."""
    root = tmp_path_factory.mktemp("rehearsal") / "drawn"
    write(
        root, seed=6, train_persons=40, test_persons=0, cameras=4, images=1, style="street", sites=2
    )
    return f"market1501={root}"


@pytest.fixture(scope="module")
def sightings(site: Path) -> Store:
    return gallery_of_crops("default", (str(site / "sightings"),), None)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, sightings: Store, rehearsal: str) -> FineTuned:
    out = tmp_path_factory.mktemp("runs") / "tuned"
    return fine_tune("default", sightings, out, rehearsal=rehearsal, effort=SMALL)


def scored(model: str | Path, site: Path) -> Report:
    shown = [
        Record(str(file), int(file.name[:4]), int(file.name.split("_c")[1][0]), "site")
        for folder in ("query", "bounding_box_test")
        for file in sorted((site / folder).glob("*.jpg"))
    ]
    known = load(model).embed(shown).embeddings
    return passerby.evaluate(known, known)


def test_other_persons_of_the_same_cameras_are_found_no_worse(tuned: FineTuned, site: Path) -> None:
    before, after = scored("default", site), scored(tuned.out, site)
    assert after.mean_average_precision > before.mean_average_precision - 1


def test_sightings_are_grouped_over_cameras(tuned: FineTuned, sightings: Store) -> None:
    assert len(tuned.persons.images) == sightings.count() == 240
    assert tuned.persons.count >= 8
    assert sightings.about.adapted == "", "the gallery stays as it is"


def test_the_result_is_a_model_that_says_what_it_learnt_from(tuned: FineTuned) -> None:
    card = read_card(tuned.out)
    default = load("default")
    assert default.card is not None
    assert card.fingerprint == tuned.card.fingerprint != default.fingerprint
    assert card.data["started_from"] == {"model": "default", "fingerprint": default.fingerprint}
    assert not [name for name in card.training_persons if name.startswith("sightings/")]
    assert {*default.card.training_persons} < {*card.training_persons}
    text = (tuned.out / "README.md").read_text(encoding="utf-8")
    assert "240 sightings by 3 cameras" in text
    assert "biometric data" in text
    assert "adapt the model it came from anew" in text
    assert f"`{default.fingerprint}`" in text


def test_what_lay_beside_the_old_model_is_not_taken_along(tuned: FineTuned) -> None:
    assert {file.name for file in tuned.out.iterdir()} == {
        "README.md", "config.json", "metrics.jsonl", "model.safetensors",
    }  # fmt: skip
    assert "are of the old vectors and were not taken along" in str(tuned)


def test_a_folder_that_holds_a_model_is_left_alone(tuned: FineTuned, sightings: Store) -> None:
    with pytest.raises(ValueError, match="already holds a model"):
        fine_tune("default", sightings, tuned.out, resume=True)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, sightings: Store) -> Store:
    """Pseudo persons of the drawing, six images each, for a network that tells nobody apart."""
    (stored,) = sightings.read()
    order = np.argsort([int(Path(image).stem) for image in stored.images.tolist()])
    images, ids = stored.images[order], stored.ids[order]
    numbers = np.arange(len(images))
    found = PseudoPersons(images, ids, numbers // 6, numbers % 3)
    monkeypatch.setattr(story, "pseudo_persons", lambda store, embedder, folder: found)
    return sightings


def test_a_model_that_forgets_is_refused(
    tmp_path: Path, small_model: Path, known: Store, rehearsal: str
) -> None:
    with pytest.raises(GuardWorsened, match=r"points worse, and at most 0\.5 are allowed"):
        fine_tune(
            small_model, known, tmp_path / "out", rehearsal=rehearsal,
            effort=Effort(rounds=1, images=200, tolerance=0.5), settings=["optimizer.rate=3.0"],
        )  # fmt: skip
    assert [*(tmp_path / "out").iterdir()] == []


def test_interrupted_it_goes_on_to_the_same_model(
    tmp_path: Path,
    small_model: Path,
    known: Store,
    rehearsal: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    effort, out = Effort(rounds=2, images=130, tolerance=100), tmp_path / "stopped"

    def tune(out: Path, effort: Effort = effort, resume: bool = False) -> FineTuned:
        return fine_tune(small_model, known, out, rehearsal=rehearsal, effort=effort, resume=resume)

    whole = tune(tmp_path / "whole")
    train, calls = story.train, []

    def stopped(*given: Any, **named: Any) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise Stopped("stopped", signal.SIGINT)
        return train(*given, **named)

    monkeypatch.setattr(story, "train", stopped)
    with pytest.raises(Stopped):
        tune(out)
    assert not (out / "config.json").exists()
    assert (out / "work").stat().st_mode & 0o077 == 0, "what was learnt of persons is private"
    with pytest.raises(ValueError, match="unfinished adaptation: add --resume"):
        tune(out)
    with pytest.raises(ValueError, match="was begun with is not this"):
        tune(out, Effort(), resume=True)
    found = tune(out, resume=True)
    assert found.card.fingerprint == whole.card.fingerprint
    assert not (out / "work").exists()


def test_the_command_says_what_comes_next(
    crops: Path, small_model: Path, known: Store, rehearsal: str, passerby_command: Any
) -> None:
    pytest.importorskip("lancedb")
    place = crops.parent / "lobby"
    with Gallery.create(place, load(small_model)) as gallery:
        gallery.add(crops)
    words = ["adapt", small_model, "--gallery", place, "--rehearsal", rehearsal, "--rounds", "1"]
    words += ["--images", "64"]
    done = passerby_command(*words, "--tolerance", "100", "--out", crops.parent / "new")
    assert done.code == 0, done.err
    assert f"passerby gallery reembed {place} --model {crops.parent / 'new'} --out NEW" in done.out
    assert "images to train on, half of them rehearsed: about" in done.out
    worse = ["--tolerance", "0.5", "--set", "optimizer.rate=3.0", "--out", crops.parent / "bad"]
    done = passerby_command(*words, *worse)
    assert done.code == 1
    assert "refused" in done.err
    assert not (crops.parent / "bad" / "config.json").exists()


def test_a_gallery_of_too_little_moves_nothing(
    tmp_path: Path, crops: Path, small_model: Path, rehearsal: str, passerby_command: Any
) -> None:
    done = passerby_command(
        "adapt", small_model, "--unlabelled", crops, "--rehearsal", rehearsal,
        "--out", tmp_path / "new",
    )  # fmt: skip
    assert done.code == 2
    assert "too little to learn from: 10 sightings" in done.err
    assert not (tmp_path / "new" / "config.json").exists()


@pytest.mark.parametrize(
    "options",
    [["--data", "x", "--gallery", "y"], ["--gallery", "x", "--unlabelled", "y"], []],
)
def test_one_kind_of_data_at_a_time(options: list[str], passerby_command: Any) -> None:
    done = passerby_command("adapt", "default", *options, "--out", "out")
    assert done.code == 2
    assert "expected one of --data DATA" in done.err


def test_options_of_embedding_are_not_taken_silently(passerby_command: Any) -> None:
    done = passerby_command("adapt", "default", "--gallery", "x", "--flip", "--out", "out")
    assert done.code == 2
    assert "are of --data" in done.err
