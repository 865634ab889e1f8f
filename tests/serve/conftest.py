"""A small gallery, and its application asked without a network."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from passerby.data.crops import Labels
from passerby.embedding.embedder import load
from passerby.gallery.gallery import Gallery
from passerby.serve.application import application
from passerby.serve.settings import Settings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


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
