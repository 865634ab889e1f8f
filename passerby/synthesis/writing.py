"""A synthetic set on disk, in the layout of Market-1501, which any reader of that layout opens.

    bounding_box_train/  0001_c1s1_000000_01.jpg ...   the train persons, from 1 on
    query/                                             moment 0 of each test person and camera
    bounding_box_test/                                 their other moments, distractors, junk
    synthetic.json                                     the arguments, written last

The frame number in a name is the moment: `draw(seed, person, camera, moment)` draws it again.
"""

import json
import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from passerby.process.json_files import read_object
from passerby.process.reporting import Advance, progress
from passerby.process.whole_files import write_whole
from passerby.synthesis.figures import DISTRACTOR, JUNK, photo
from passerby.synthesis.variety import Style

# Raised whenever the same arguments would give other pictures.
GENERATOR_VERSION = 2

CONTENTS = "synthetic.json"
TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"
_CHUNK = 64  # pictures that a worker draws before it reports


@dataclass(frozen=True)
class Contents:
    """What a synthetic set holds; equal contents mean equal files."""

    seed: int
    train_persons: int
    test_persons: int
    cameras: int
    images: int
    distractors: int
    junk: int
    generator_version: int = GENERATOR_VERSION
    style: Style = "plain"
    sites: int = 1

    def __post_init__(self) -> None:
        least = {"seed": 0, "train_persons": 0, "test_persons": 0, "cameras": 1, "images": 1,
                 "distractors": 0, "junk": 0, "sites": 1}  # fmt: skip
        if self.test_persons:
            least["images"] = 2  # one is the query, the others are to be found
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"expected {name} of {minimum} or more, got {getattr(self, name)}")


@dataclass(frozen=True)
class Shot:
    """One picture of the set and the folder it belongs to."""

    folder: str
    person: int
    camera: int
    moment: int
    site: int = 0

    @property
    def name(self) -> str:
        """The file name, as in Market-1501; junk is person -1, distractors are person 0000."""
        person = f"{self.person:04d}" if self.person >= 0 else str(self.person)
        return f"{person}_c{self.camera}s1_{self.moment:06d}_01.jpg"


def shots(contents: Contents) -> Iterator[Shot]:
    """All pictures of a set, camera after camera; a person is seen by the cameras of one site."""
    persons = contents.train_persons + contents.test_persons
    for camera in range(1, contents.cameras * contents.sites + 1):
        site = (camera - 1) // contents.cameras
        for person in range(1 + site, persons + 1, contents.sites):
            for moment in range(contents.images):
                folder = GALLERY if moment else QUERY
                if person <= contents.train_persons:
                    folder = TRAIN
                yield Shot(folder, person, camera, moment, site)
        for person, count in ((DISTRACTOR, contents.distractors), (JUNK, contents.junk)):
            for number in range(camera - 1, count, contents.cameras * contents.sites):
                turn = number // (contents.cameras * contents.sites)
                yield Shot(GALLERY, person, camera, turn, site)


def _write_some(task: tuple[Path, Contents, list[Shot]]) -> int:
    """Draw some pictures into a folder; how many they were."""
    folder, contents, some = task
    for shot in some:
        data = photo(
            contents.seed, shot.person, shot.camera, shot.moment,
            style=contents.style, site=shot.site,
        )  # fmt: skip
        (folder / shot.folder / shot.name).write_bytes(data)
    return len(some)


def _tasks(
    folder: Path, contents: Contents, size: int
) -> Iterator[tuple[Path, Contents, list[Shot]]]:
    remaining = shots(contents)
    while some := list(islice(remaining, size)):
        yield folder, contents, some


def _write_all(folder: Path, contents: Contents, workers: int, advance: Advance) -> None:
    for part in (TRAIN, QUERY, GALLERY):
        (folder / part).mkdir()
    total, done = sum(1 for _ in shots(contents)), 0

    def count(written: int) -> None:
        nonlocal done
        done += written
        advance(done, total)

    if workers == 1:
        for task in _tasks(folder, contents, 8):
            count(_write_some(task))
    else:
        # Fresh processes behave alike on Linux, macOS and Windows, also beside threads.
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for written in pool.imap_unordered(_write_some, _tasks(folder, contents, _CHUNK)):
                count(written)


def _finished(root: Path, contents: Contents) -> bool:
    """Whether `root` already holds this set; `ValueError` if it holds anything else."""
    if not root.exists():
        return False
    if not root.is_dir():
        raise ValueError(f"expected a folder for the synthetic set, but {root} is a file")
    described = root / CONTENTS
    if not described.is_file():
        if any(root.iterdir()):
            raise ValueError(
                f"expected {root} to be absent, empty or a synthetic set, but it holds other files "
                f"and no {CONTENTS}; choose another folder"
            )
        return False
    earlier = {"style": "plain", "sites": 1}  # what sets were before they could say so
    found = earlier | read_object(described, "the contents of a synthetic set")
    wanted = asdict(contents)
    if found != wanted:
        different = [name for name in wanted if found.get(name) != wanted[name]]
        there = ", ".join(f"{name}={found.get(name)}" for name in different)
        asked = ", ".join(f"{name}={wanted[name]}" for name in different)
        raise ValueError(
            f"{root} holds a synthetic set with {there}, but {asked} was asked for; "
            "choose another folder or delete this one"
        )
    return True


def write(
    root: str | Path,
    *,
    seed: int = 0,
    train_persons: int = 200,
    test_persons: int = 100,
    cameras: int = 4,
    images: int = 3,
    distractors: int | None = None,
    junk: int | None = None,
    style: Style = "plain",
    sites: int = 1,
    workers: int = 1,
) -> Path:
    """Write a synthetic set and return its folder; a finished set is found and left as it is.

    `images` is per person and camera. Unless said, 100 distractors and 60 pieces of junk stand
    beside test persons, and none where nobody is tested. Persons are spread over `sites`, each with
    `cameras` cameras of its own that see none but them. `style` "varied" and "street" are for
    networks that are to be used on cameras they were not trained on (`variety`, `streets`); "plain"
    is one place, well lit. The set is made beside `root`, in a hidden folder, and renamed when it
    is complete: what stands at `root` is never half a set. With more than one worker the calling
    script needs the usual `if __name__ == "__main__":`, as processes are started afresh.

    Raises `ValueError` for impossible numbers and for a folder that holds something else.
    """
    root = Path(root)
    beside = (100, 60) if test_persons else (0, 0)
    distractors = beside[0] if distractors is None else distractors
    junk = beside[1] if junk is None else junk
    counts = (train_persons, test_persons, cameras, images, distractors, junk)
    contents = Contents(seed, *counts, style=style, sites=sites)
    if workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    if _finished(root, contents):
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{root.name}-unfinished-", dir=root.parent))
    try:
        folder.chmod(0o755)  # temporary folders are private, a data set is not
        with progress("drawing") as advance:
            _write_all(folder, contents, workers, advance)
        described = json.dumps(asdict(contents), indent=2) + "\n"
        write_whole(folder / CONTENTS, described)
        if not _finished(root, contents):  # unless another process was faster
            if root.exists():
                root.rmdir()
            folder.rename(root)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return root
