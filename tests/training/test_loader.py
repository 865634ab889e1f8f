"""From records to batches: labels, repeatability, and images that cannot be read."""

import functools
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader

from passerby.config import Input
from passerby.data.batch import Batch
from passerby.data.records import Record, Split
from passerby.registry import AUGMENTATIONS
from passerby.training import loader
from passerby.training.loader import Loader, TrainingImages

SIZE = Input(height=32, width=16)
AUGMENTED = ("flip", "pad_and_crop(padding=2)", "colour_jitter", "low_resolution", "erase")


def labels_of(records: Sequence[Record]) -> list[int]:
    persons = sorted({record.person for record in records})
    return [persons.index(record.person) for record in records]


def make_loader(
    records: Sequence[Record],
    *,
    seed: int = 0,
    workers: int = 0,
    augmentations: Sequence[str] = AUGMENTED,
) -> Loader:
    labels = labels_of(records)
    built = [AUGMENTATIONS.build(call) for call in augmentations]
    images = TrainingImages(records, labels, SIZE, built, seed)
    return Loader(images, records, labels, workers, pin_memory=False)


def pixels(batches: Sequence[Batch]) -> torch.Tensor:
    return torch.cat([batch.images for batch in batches])


@pytest.fixture
def records(tiny: Split) -> tuple[Record, ...]:
    """Six images of each of the first three persons."""
    return tuple(record for record in tiny.train if record.person <= 3)


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A file that only claims to be a JPEG."""
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8\xff no picture")
    return str(path)


def test_a_batch_says_whose_images_it_holds(records: tuple[Record, ...]) -> None:
    other = tuple(replace(record, source="another", camera=None) for record in records[:2])
    mixed = (*records, *other)
    asked = [[0, 7, 12], [len(records), 1]]
    first, second = make_loader(mixed).epoch(0, asked)
    assert first.images.shape == (3, 3, 32, 16)
    assert first.images.dtype == torch.uint8
    assert [first.indices.tolist(), second.indices.tolist()] == asked
    labels = labels_of(mixed)
    assert first.persons.tolist() == [labels[row] for row in asked[0]]
    assert first.cameras.tolist() == [mixed[row].camera for row in asked[0]]
    assert second.cameras.tolist() == [-1, records[1].camera]
    assert second.sources.tolist() == [0, 1]  # in alphabetical order: another, synthetic
    assert first.set_aside == second.set_aside == ()


def test_without_augmentation_an_image_is_itself(records: tuple[Record, ...]) -> None:
    """Wherever it stands, and in whichever epoch."""
    plain = make_loader(records, augmentations=())
    (once,) = plain.epoch(0, [[4, 2, 4]])
    (again,) = plain.epoch(5, [[2]])
    assert torch.equal(once.images[0], once.images[2])
    assert torch.equal(once.images[1], again.images[0])
    assert not torch.equal(once.images[0], once.images[1])


def test_chance_follows_from_seed_epoch_and_position(records: tuple[Record, ...]) -> None:
    batches = [[0, 1, 2, 3], [4, 5, 6, 7]]
    first = pixels(list(make_loader(records).epoch(3, batches)))
    assert torch.equal(first, pixels(list(make_loader(records).epoch(3, batches))))
    # How an epoch is cut into batches changes nothing: positions count through.
    assert torch.equal(first, pixels(list(make_loader(records).epoch(3, [[*range(8)]]))))
    assert not torch.equal(first, pixels(list(make_loader(records).epoch(4, batches))))
    assert not torch.equal(first, pixels(list(make_loader(records, seed=1).epoch(3, batches))))
    (moved,) = make_loader(records).epoch(3, [[0, 0, 0, 0, 0, 0]])
    assert len({image.numpy().tobytes() for image in moved.images}) > 1


def test_processes_load_what_this_one_loads(
    records: tuple[Record, ...], broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fresh processes, as on macOS and Windows: all that a worker needs is handed to it."""
    records = (replace(records[0], image=broken), *records[1:])
    batches = [[0, 1, 6], [7, 12, 13], [2, 8, 14]]
    here = list(make_loader(records).epoch(1, batches))
    fresh = functools.partial(DataLoader, multiprocessing_context="spawn")
    monkeypatch.setattr(loader, "DataLoader", fresh)
    there = list(make_loader(records, workers=2).epoch(1, batches))
    assert torch.equal(pixels(here), pixels(there))
    for one, other in zip(here, there, strict=True):
        assert torch.equal(one.indices, other.indices)
        assert torch.equal(one.persons, other.persons)
        assert one.set_aside == other.set_aside
    assert here[0].set_aside


def test_training_images_can_be_handed_to_a_process(records: tuple[Record, ...]) -> None:
    built = [AUGMENTATIONS.build(call) for call in AUGMENTATIONS.names()]
    images = TrainingImages(records, labels_of(records), SIZE, built, seed=0)
    again = pickle.loads(pickle.dumps(images))
    key = loader._Key(0, 0, 3)
    assert torch.equal(images[key].image, again[key].image)  # type: ignore[arg-type]


def test_an_unreadable_image_gives_way_to_another_of_the_person(
    records: tuple[Record, ...], broken: str, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.jpg")
    faulty = list(records)
    faulty[0] = replace(records[0], image=broken)
    faulty[1] = replace(records[1], image=missing)
    (batch,) = make_loader(faulty, augmentations=()).epoch(0, [[0, 1, 6]])
    assert batch.indices.tolist() == [2, 2, 6]
    assert batch.persons.tolist() == [0, 0, 1]
    assert batch.cameras.tolist() == [records[row].camera for row in (2, 2, 6)]
    # Row 0 met both files on its way, row 1 the second.
    assert [line.partition(": ")[0] for line in batch.set_aside] == [broken, missing, missing]
    assert all(line.partition(": ")[2] for line in batch.set_aside)
    (last,) = make_loader([*records[:5], replace(records[5], image=broken)]).epoch(0, [[5]])
    assert last.indices.tolist() == [0]  # round to the person's first image


def test_a_person_without_any_readable_image_is_left_out(
    records: tuple[Record, ...], broken: str
) -> None:
    faulty = [replace(r, image=broken) if r.person == 2 else r for r in records]
    (batch,) = make_loader(faulty).epoch(0, [[0, 6, 7, 12]])
    assert batch.indices.tolist() == [0, 12]
    assert batch.persons.tolist() == [0, 2]
    assert len(batch.images) == 2
    assert batch.set_aside


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_without_any_readable_image_is_an_error(
    records: tuple[Record, ...], broken: str, workers: int
) -> None:
    faulty = [replace(record, image=broken) for record in records]
    with pytest.raises(ValueError, match=r"no image of a whole batch can be read: .*broken\.jpg"):
        list(make_loader(faulty, workers=workers).epoch(0, [[0, 6]]))
