"""What goes along with an exported file: cards, and what is checked before it is carried over."""

from pathlib import Path

import numpy as np
import pytest
import torch

import passerby
from passerby.adaptation.back_end import WITHIN_CLASS, BackEnd
from passerby.adaptation.within_class import within_class
from passerby.config import Input, Network, Recipe
from passerby.embedding.familiarity import FILE as FAMILIARITY
from passerby.embedding.familiarity import Familiarity, write_familiarity
from passerby.evaluation.decisions.calibration_files import read_calibrations, write_calibration
from passerby.export import carrying
from passerby.export.carrying import (
    CALIBRATION,
    carry_if_true,
    carry_model,
    carry_vectors,
    refit_calibrations,
)
from passerby.models.checkpoint import Card, save_model
from passerby.models.system import build_model
from passerby.sharing.statements import state

SIZE = Input(height=32, width=16)


def checkpoint(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    recipe = Recipe(f"small{seed}", input=SIZE, network=Network("resnet18"))
    save_model(folder, build_model(recipe.network, 0), Card(recipe, 0, seed, 1))
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A checkpoint with what holds of its vectors; what is familiar is anything at all."""
    place = checkpoint(tmp_path / "place")
    embedder = passerby.load(place)
    width = embedder.dimensions
    rows = np.random.default_rng(0).normal(size=(40, width)).astype(np.float32)
    back = BackEnd(
        embedder.fingerprint, "plain", within_class(rows, np.arange(40) // 4, 8), None, (), 40
    )
    (place / WITHIN_CLASS).write_bytes(back.to_bytes())
    axes = np.eye(width, 4, dtype=np.float32)
    write_familiarity(place, Familiarity(np.zeros(width, np.float32), axes, 1e3))
    return place


@pytest.fixture
def images() -> torch.Tensor:
    made = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (12, 3, 32, 16), dtype=torch.uint8, generator=made)


def test_the_card_of_an_export_says_what_it_is(place: Path, tmp_path: Path) -> None:
    state(place, {"licence": "cc0-1.0"})
    part = tmp_path / "part"
    part.mkdir()
    carry_model(place, part, "ONNX, int8")
    text = (part / "README.md").read_text("utf-8")
    assert "An export: ONNX, int8." in text
    assert 'license: "cc0-1.0"' in text
    assert {file.name for file in part.iterdir()} == {"README.md", "config.json", "statements.json"}
    (place / "README.md").write_text("# By hand")
    carry_model(place, part, "ONNX")
    assert (part / "README.md").read_text("utf-8") == "# By hand"


def test_in_32_bits_all_that_holds_of_vectors_goes_along(place: Path, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    carry_vectors(place, tmp_path / "part")
    for name in (WITHIN_CLASS, FAMILIARITY):
        assert (tmp_path / "part" / name).read_bytes() == (place / name).read_bytes()


def test_what_still_holds_is_carried_over(
    place: Path, tmp_path: Path, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same weights under another fingerprint, as where 8 bits change nothing."""
    part = checkpoint(tmp_path / "part")
    opened = carrying.load

    def load(folder: Path) -> passerby.Embedder:
        made = opened(folder)
        if folder == part:
            made._fingerprint = made.__dict__["fingerprint"] = "another"
        return made

    monkeypatch.setattr(carrying, "load", load)
    notes = carry_if_true(place, part, images)
    assert [note.partition(",")[0] for note in notes] == [
        f"carried over: {WITHIN_CLASS}", f"carried over: {FAMILIARITY}",
    ]  # fmt: skip
    assert "8 bits add 0.0%" in notes[0]
    assert BackEnd.from_bytes((part / WITHIN_CLASS).read_bytes()).model == "another"
    assert (part / FAMILIARITY).read_bytes() == (place / FAMILIARITY).read_bytes()


def test_what_holds_no_more_is_left_behind(
    place: Path, tmp_path: Path, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = checkpoint(tmp_path / "part", seed=1)  # with other vectors altogether
    strange = Familiarity.strange
    turn = iter([False, True])
    monkeypatch.setattr(
        Familiarity,
        "strange",
        lambda self, vectors: (
            np.full(len(vectors), next(turn)) if len(vectors) == 12 else strange(self, vectors)
        ),
    )
    monkeypatch.setattr(carrying, "_MOST_NOISE", 1e-6)
    notes = carry_if_true(place, part, images)
    assert notes[0].startswith(f"not carried over: {WITHIN_CLASS}, as 8 bits add")
    assert notes[1].startswith(f"not carried over: {FAMILIARITY}, as 100.0% of the crops (0.0%")
    assert not (part / WITHIN_CLASS).exists()
    assert not (part / FAMILIARITY).exists()


def test_calibrations_are_fitted_anew_on_labelled_data(
    place: Path, tmp_path: Path, tiny: passerby.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = checkpoint(tmp_path / "part", seed=1)
    assert refit_calibrations(place, part, tiny) == ()  # there is none to replace
    real = carrying.calibrate_model
    monkeypatch.setattr(
        carrying,
        "calibrate_model",
        lambda *given, **options: real(*given, part="train", replicates=5, **options),
    )
    write_calibration(place / CALIBRATION, carrying.calibrate_model(passerby.load(place), tiny))
    (left,) = refit_calibrations(place, part, None)
    assert left.startswith("not carried over: calibration.json")
    assert not (part / CALIBRATION).exists()
    (done,) = refit_calibrations(place, part, tiny)
    assert "was fitted anew" in done
    (made,) = read_calibrations(part / CALIBRATION)
    assert made.key == (passerby.load(part).fingerprint, "cosine", "plain")
