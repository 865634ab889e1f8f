"""From records to batches: labels, repeatability, and images that cannot be read."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as TV
from PIL import Image

from passerby.config import IMAGENET_MEAN, Input, open_recipe
from passerby.data.batch import Batch
from passerby.data.images import decode
from passerby.process import distributed
from passerby.registry import AUGMENTATIONS
from passerby.tables.records import Record, Split
from passerby.training.input import loader as module
from passerby.training.input.image_cache import ImageCache, image_cache
from passerby.training.input.loader import Key, Loader, TrainingImages

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
    cache: ImageCache | None = None,
    start_method: str | None = None,
) -> Loader:
    labels = labels_of(records)
    built = [AUGMENTATIONS.build(call) for call in augmentations]
    images = TrainingImages(records, labels, SIZE, built, seed, cache=cache)
    return Loader(images, records, labels, workers, False, start_method=start_method)


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


OWN = """
import os

import numpy as np
import torch
from passerby.config import Recipe
from passerby.data.augmentations import Augmentation
from passerby.registry import AUGMENTATIONS


@AUGMENTATIONS.register
class Negative(Augmentation):
    def __call__(self, image, random):
        return 255 - image if random.random() < 0.5 else image


@AUGMENTATIONS.register
class Spoil(Augmentation):
    def __call__(self, image, random):
        return image.fill_(7) if random.random() < 0.3 else image


@AUGMENTATIONS.register
class WhoLoads(Augmentation):
    def __call__(self, image, random):
        image = image.clone()
        image[0, 0, :4] = torch.tensor([os.getpid()], dtype=torch.int32).view(torch.uint8)
        return image


def mine():
    return Recipe("mine")
"""


@pytest.fixture(autouse=True, scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Augmentations of a user's own file, forgotten afterwards."""
    AUGMENTATIONS.names()
    before = dict(AUGMENTATIONS._found)
    file = tmp_path_factory.mktemp("own") / "own.py"
    file.write_text(OWN, encoding="utf-8")
    open_recipe(f"{file}:mine")
    yield
    AUGMENTATIONS._found.clear()
    AUGMENTATIONS._found.update(before)


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


@pytest.mark.parametrize("workers", [0, 1])
def test_an_augmentation_may_change_with_the_epoch(
    records: tuple[Record, ...], workers: int
) -> None:
    growing = "erase(probability=1.0, smallest=0.1, largest=0.9, fill=noise, grows=(2, 6))"
    shares = []
    with (
        make_loader(records, augmentations=()) as plain,
        make_loader(records, augmentations=(growing,), workers=workers) as loader,
    ):
        for epoch in (2, 6):
            (before,) = plain.epoch(epoch, [[*range(12)]])
            (after,) = loader.epoch(epoch, [[*range(12)]])
            changed = (before.images != after.images).any(dim=1)
            shares.append(changed.flatten(1).float().mean(dim=1).max().item())
    assert shares[0] < 0.15
    assert shares[1] > 0.3


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


def test_fresh_processes_load_what_this_one_loads(records: tuple[Record, ...], broken: str) -> None:
    """As on macOS and Windows: all that a worker needs is handed to it, also an augmentation that
    a user's file registers, and the cache, which is one for all."""
    records = (replace(records[0], image=broken), *records[1:])
    calls = (*AUGMENTED, "negative")
    batches = [[0, 1, 6], [7, 12, 13], [2, 8, 14]]
    here = make_loader(records, augmentations=calls)
    cache = ImageCache(6, SIZE, 10**6, shared=True)
    options = {"workers": 1, "augmentations": calls, "cache": cache, "start_method": "spawn"}
    with make_loader(records, **options) as there:  # type: ignore[arg-type]
        for epoch in (1, 2):
            pairs = zip(here.epoch(epoch, batches), there.epoch(epoch, batches), strict=True)
            for one, other in pairs:
                assert torch.equal(one.images, other.images)
                assert torch.equal(one.indices, other.indices)
                assert torch.equal(one.persons, other.persons)
                assert one.set_aside == other.set_aside
                assert bool(one.set_aside) == (0 in one.persons and 6 in one.indices)
        assert [cache.get(row) is not None for row in range(6)] == [False, True, True, *[False] * 3]


def test_processes_stay_for_all_epochs_and_end_with_the_loader(
    records: tuple[Record, ...],
) -> None:
    """Which process loaded an image is written into its first pixels."""
    seen = []
    with make_loader(records, workers=2, augmentations=("who_loads",)) as loader:
        for epoch in range(3):
            epochs = loader.epoch(epoch, [[row] for row in range(16)])
            if epoch == 1:
                next(epochs)
                epochs.close()  # an epoch that is broken off leaves nothing behind
                continue
            seen.append(
                {int(batch.images[0, 0, 0, :4].contiguous().view(torch.int32)) for batch in epochs}
            )
    workers = seen[0] | seen[1]
    assert len(workers) == 2
    assert os.getpid() not in workers
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_a_worker_that_is_killed_is_an_error_and_no_wait(
    records: tuple[Record, ...],
) -> None:
    loader = make_loader(records, workers=1, augmentations=("who_loads",))
    epochs = loader.epoch(0, [[row % 18] for row in range(100)])
    os.kill(int(next(epochs).images[0, 0, 0, :4].contiguous().view(torch.int32)), signal.SIGKILL)
    with pytest.raises(ValueError, match=r"a process that loads images has died.*--workers"):
        list(epochs)
    assert len(list(loader.epoch(0, [[0]]))) == 1  # a loader that goes on begins anew
    loader.close()


PROGRAM = """
import os, sys, time
from passerby.config import Input
from passerby.tables.records import Record
from passerby.training.input.loader import Loader, TrainingImages

records = [Record(image, 0, 1, "x") for image in sys.argv[1:]]
images = TrainingImages(records, [0] * len(records), Input(height=32, width=16), [], 0)
loader = Loader(images, records, [0] * len(records), 2, pin_memory=False)
for batch in loader.epoch(0, [[0]] * 8):
    pass
print(*loader._pool._processes, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_workers_end_when_the_training_process_is_killed(records: tuple[Record, ...]) -> None:
    """It cannot tell them; a run that was killed must not leave processes behind."""
    command = [sys.executable, "-c", PROGRAM, records[0].image]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stdout is not None
        workers = [int(number) for number in running.stdout.readline().split()]
        running.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(map(_is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_is_running, workers))


def _is_running(process: int) -> bool:
    """Whether a process is there and no zombie that waits for its parent's look."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize("places", [0, 5, 100])
def test_a_cache_of_any_size_changes_nothing(
    records: tuple[Record, ...], broken: str, places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = (replace(records[0], image=broken), *records[1:])
    batches = [[0, 1, 6], [7, 12, 13], [0, 5, 9]]
    plain = make_loader(records, augmentations=(*AUGMENTED, "spoil"))
    cache = ImageCache(len(records), SIZE, places * (32 * 16 * 3 + 1), shared=False)
    assert len(cache) == min(places, len(records))
    cached = make_loader(records, augmentations=(*AUGMENTED, "spoil"), cache=cache)
    decoded = []
    read = decode
    monkeypatch.setattr(module, "decode", lambda path: decoded.append(path) or read(path))
    for epoch in range(3):
        first = list(plain.epoch(epoch, batches))
        decoded.clear()
        again = list(cached.epoch(epoch, batches))
        assert torch.equal(pixels(first), pixels(again))
        for one, other in zip(first, again, strict=True):
            assert torch.equal(one.indices, other.indices)
            assert one.set_aside == other.set_aside
        if epoch and places == 100:
            assert set(decoded) == {broken}  # what cannot be read is no image to keep


def test_the_memory_of_a_cache_is_divided_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    each = 32 * 16 * 3 + 1
    assert image_cache(10, SIZE, 0, shared=False) is None
    assert image_cache(10, SIZE, "0", shared=True) is None
    cache = image_cache(10, SIZE, 4 * each, shared=False)
    assert cache is not None
    assert len(cache) == 4
    monkeypatch.setattr(distributed, "processes_here", lambda: 2)
    cache = image_cache(10, SIZE, 4 * each, shared=False)
    assert cache is not None
    assert len(cache) == 2
    with pytest.raises(ValueError, match="500MB"):
        image_cache(10, SIZE, "much", shared=False)
    with pytest.raises(ValueError, match=r"lower --cache, or use --workers 0"):
        image_cache(10**12, SIZE, "1000TB", shared=True)


@pytest.mark.parametrize("source", [(128, 64), (300, 140), (256, 128), (90, 47)])
def test_images_are_those_of_pillow_and_torchvision(
    source: tuple[int, int], tmp_path: Path
) -> None:
    """Resize, flip, pad and crop, erase as everyone has them, fed with the draws of ours."""
    random = np.random.default_rng(source)
    coarse = Image.fromarray(random.integers(0, 256, (16, 8, 3), np.uint8))
    records = []
    for number in range(8):
        coarse.resize(source[::-1], Image.Resampling.BICUBIC).save(tmp_path / f"{number}.jpg")
        records.append(Record(str(tmp_path / f"{number}.jpg"), 0, 1, "made"))
        coarse = coarse.rotate(90)
    calls = ("flip", "pad_and_crop(padding=10)", "erase(probability=0.5)")
    size = Input(height=256, width=128)
    built = [AUGMENTATIONS.build(call) for call in calls]
    images = TrainingImages(records, [0] * 8, size, built, seed=3)
    erased = 0
    for row, record in enumerate(records):
        ours = images.load([Key(4, row, row)]).images[0]
        draws = np.random.default_rng([3, 4, row])
        image = Image.open(record.image).convert("RGB")
        image = TV.resize(image, [256, 128], TV.InterpolationMode.BILINEAR)
        image = TV.hflip(image) if draws.random() < 0.5 else image
        image = TV.pad(image, [10])
        top, left = draws.integers(0, 21, size=2).tolist()
        theirs = TV.to_tensor(TV.crop(image, top, left, 256, 128))
        if draws.random() < 0.5:
            mean = torch.tensor(IMAGENET_MEAN)[:, None, None]
            theirs = TV.erase(theirs, *rectangle_of(draws, 256, 128), mean)
            erased += 1
        assert (ours / 255 - theirs).abs().max() <= 2 / 255
    assert 0 < erased < 8


def rectangle_of(draws: np.random.Generator, height: int, width: int) -> tuple[int, int, int, int]:
    """Random erasing's first rectangle that fits: top, left, height, width."""
    while True:
        area, aspect = draws.uniform(0.02, 0.4) * height * width, draws.uniform(0.3, 1 / 0.3)
        h, w = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if h < height and w < width:
            return int(draws.integers(height - h + 1)), int(draws.integers(width - w + 1)), h, w


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
