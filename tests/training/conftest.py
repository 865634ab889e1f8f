"""A tiny data set and a recipe that trains on it in seconds."""

from pathlib import Path

import pytest

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.data.reader import read_split
from passerby.data.records import Split
from passerby.data.synthesis.writing import write


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve train and six test persons, three cameras, drawn once."""
    root = tmp_path_factory.mktemp("tiny") / "set"
    return write(
        root, seed=0, train_persons=12, test_persons=6, cameras=3, images=2, distractors=3, junk=2
    )


@pytest.fixture(scope="session")
def tiny(tiny_root: Path) -> Split:
    """The tiny set, read."""
    return read_split(str(tiny_root))


@pytest.fixture
def recipe() -> Recipe:
    """The paper's system, two epochs of ResNet-18 at 64×32."""
    return Recipe(
        name="tiny",
        epochs=2,
        input=Input(height=64, width=32),
        network=Network(
            "resnet18(last_stride=1)", attention="cbam", classifier="circle(scale=64.0)"
        ),
        augmentations=("flip", "pad_and_crop(padding=3)", "erase"),
        sampling=Sampling(persons=4, images=4),
        losses=(LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)")),
        optimizer=Optimizer("adam", rate=3.5e-4),
        schedule=Schedule("step", warm_up=1.0, steps=(2,)),
    )
