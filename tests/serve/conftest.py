"""Two small galleries, and the application of one asked without a network."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from passerby.assessment.calibrate import calibration_file
from passerby.data.crops import Labels
from passerby.embedding.embedder import load
from passerby.evaluation.decisions.calibration_files import read_calibrations
from passerby.gallery.gallery import Gallery
from passerby.gallery.stored_calibrations import keep_calibrations
from passerby.models.packaged import DEFAULT, model_folder
from passerby.serve.application import application
from passerby.serve.settings import Settings
from passerby.synthesis.figures import photo

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOSTILE = "Anna <img src=x onerror=alert(1)>"
CAMERAS = ("Entrance", "<b>Hall</b>", "Yard")
NAMES = {1: HOSTILE, 2: "Boris", 3: "linked/3", 4: "linked/4"}
"""By number; persons 5 to 8 are not named."""
MORNING = datetime(2026, 5, 1, 8, tzinfo=UTC)
SEED = 5


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, small_model: Path, draw_crop) -> Path:
    """A gallery of ten crops: five persons, each by two cameras, a minute apart."""
    folder = tmp_path_factory.mktemp("served")
    with Gallery.create(folder / "lobby", load(small_model)) as gallery:
        for number in range(10):
            person, camera = number // 2 + 1, number % 2 + 1
            path = draw_crop(folder / f"{number}.jpg", number)
            said = Labels(
                person=f"p{person}", camera=f"{camera}", time=NOON + timedelta(minutes=number)
            )
            gallery.add([path], said, keep_thumbnails=True)
    return folder / "lobby"


@pytest.fixture
def place(tmp_path: Path, made_once: Path) -> Path:
    """That gallery, to be changed."""
    return Path(shutil.copytree(made_once, tmp_path / "lobby"))


@pytest.fixture
def settings(place: Path, tmp_path: Path) -> Settings:
    """Of a server of that gallery on this machine alone."""
    return Settings({"lobby": str(place)}, state=str(tmp_path / "state"))


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """Asks the application as the local browser would."""
    with TestClient(application(settings), "http://127.0.0.1:8765") as made:
        yield made


@pytest.fixture(scope="session")
def drawn_gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight persons by three cameras; what came with the model serves as calibrated here."""
    place = tmp_path_factory.mktemp("page") / "lobby"
    with Gallery.create(place, load(DEFAULT)) as gallery:
        (came,) = read_calibrations(calibration_file(model_folder(DEFAULT)))
        assert came.within is not None
        within = replace(came.within, sources=("drawn",))
        here = replace(came, sources=("drawn",), within=within)
        keep_calibrations(gallery.store, {"single": asdict(here)})
        for person in range(1, 9):
            crops = [photo(SEED, person, camera, 0) for camera in (1, 2, 3)]
            times = [MORNING + timedelta(minutes=20 * person + 3 * c) for c in range(3)]
            gallery.add(
                crops,
                person=NAMES.get(person),
                camera=list(CAMERAS),
                time=times,
                until=[each + timedelta(seconds=30) for each in times],
                keep_thumbnails=True,
            )
    return place
