"""What a synthetic set holds: its arguments, and the list of its pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

from passerby.synthesis.figures import DISTRACTOR, JUNK
from passerby.synthesis.variety import Style

# Raised whenever the same arguments would give other pictures.
GENERATOR_VERSION = 2

CONTENTS = "synthetic.json"
TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"


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
    days: int = 1
    joints: bool = False
    masks: bool = False
    pack_version: int = 0  # of the bodies and clothes that persons are rendered from; 0 none

    def __post_init__(self) -> None:
        least = {"seed": 0, "train_persons": 0, "test_persons": 0, "cameras": 1, "images": 1,
                 "distractors": 0, "junk": 0, "sites": 1, "days": 1}  # fmt: skip
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
    day: int = 0

    @property
    def name(self) -> str:
        """The file name, as in Market-1501; junk is person -1, distractors are person 0000."""
        person = f"{self.person:04d}" if self.person >= 0 else str(self.person)
        return f"{person}_c{self.camera}s{self.day + 1}_{self.moment:06d}_01.jpg"

    @property
    def split(self) -> str:
        """Of which part it is: train, query or gallery."""
        return {TRAIN: "train", QUERY: "query", GALLERY: "gallery"}[self.folder]


def shots(contents: Contents) -> Iterator[Shot]:
    """All pictures of a set, camera after camera; a person is seen by the cameras of one site."""
    persons = contents.train_persons + contents.test_persons
    for camera in range(1, contents.cameras * contents.sites + 1):
        site = (camera - 1) // contents.cameras
        for person in range(1 + site, persons + 1, contents.sites):
            for day in range(contents.days):
                for moment in range(contents.images):
                    folder = GALLERY if moment else QUERY
                    if person <= contents.train_persons:
                        folder = TRAIN
                    yield Shot(folder, person, camera, moment, site, day)
        for person, count in ((DISTRACTOR, contents.distractors), (JUNK, contents.junk)):
            for number in range(camera - 1, count, contents.cameras * contents.sites):
                turn = number // (contents.cameras * contents.sites)
                yield Shot(GALLERY, person, camera, turn, site, turn % contents.days)
