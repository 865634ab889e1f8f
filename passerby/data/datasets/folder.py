"""One folder per person: the layout that people make by hand."""

from __future__ import annotations

import os
import re
from pathlib import Path

from passerby.data.reading.listing import Listing, first_images, list_folder
from passerby.data.reading.numbering import split_of
from passerby.data.reading.parts import Division
from passerby.data.reading.reader import Reader
from passerby.registry import DATASETS
from passerby.tables.records import Crop, Split

_PARTS = ("train", "validation", "query", "gallery")
_PART_LIKE = re.compile("train|test|query|gallery|probe", re.IGNORECASE)
_LOOKED_AT = 20  # sub-folders opened to recognise the layout


@DATASETS.register
class Folder(Reader):
    """One folder per person, of any name; cameras as folders inside or in the file names.

    Either below train, query and gallery (validation if you like; the same person's folder has
    the same name in each), or on one level. On one level the set is divided by rule: train_share
    of the persons train, chosen by their names, the others are tested with the first image of
    every person and camera as query; train_share=0 tests all, 1 trains on all.

    camera: a regular expression searched in the file name, whose first group (or group camera)
    is the camera: camera=r'_c(\\d+)'. Without it the sub-folders of a person are the cameras, and
    images directly in the person's folder have none. Either all images have one or none.
    Persons and cameras with integer names keep them, others are numbered in sorted order. source:
    name of the data set in its records, the root's name if not given.
    """

    layout = (
        "ROOT/[train|query|gallery/]\n"
        "  anna/  1.jpg  2.png ...            cameras unknown, or in the file names (camera=)\n"
        "  bert/  cam1/ 1.jpg ...  cam2/ ...  or one folder per camera"
    )
    generic = True

    def __init__(self, *, train_share: float = 0.5, camera: str = "", source: str = "") -> None:
        self._division = Division(train_share)
        self._source = source
        try:
            self._camera = re.compile(camera) if camera else None
        except re.error as error:
            raise ValueError(f"camera={camera!r} is no regular expression: {error}") from None
        if self._camera is not None and not self._camera.groups:
            raise ValueError(rf"camera={camera!r} needs a group around the camera, as in '_c(\d+)'")

    def locate(self, root: Path) -> Path | None:
        """The root itself, if folders in it (or in its train, query, gallery) hold images."""
        if not root.is_dir():
            return None
        parts = [root / name for name in _PARTS if (root / name).is_dir()]
        return root if any(_holds_persons(folder) for folder in parts or [root]) else None

    def fits(self, located: Path) -> bool:
        """Not when the folders are named like the parts of another layout (``image_train``)."""
        folders = set(list_folder(located).folders)
        return bool(folders & set(_PARTS)) or not any(map(_PART_LIKE.search, folders))

    def read(self, root: Path) -> Split:
        """Read all folders.

        Raises ValueError when there is no image, when only some have a camera, and when one of
        query and gallery is missing.
        """
        divided = any((root / name).is_dir() for name in _PARTS)
        ignored: list[str] = []
        images: list[Crop] = []
        for part in _PARTS if divided else ("",):
            images += self._images(root / part, part, ignored)
        if divided:
            outside = sorted(set(list_folder(root).folders) - set(_PARTS))
            ignored += [os.path.join(root, name, "") for name in outside]
        if not images:
            raise ValueError(f"no image in the folders of {root}. Expected:\n{self.layout}")
        source = self._source or root.absolute().name
        return split_of(images, source, self._division, ignored=ignored)

    def _images(self, root: Path, part: str, ignored: list[str]) -> list[Crop]:
        """The images of one part; files that are none are added to ``ignored``."""
        if not root.is_dir():
            return []
        top = list_folder(root)
        ignored += [*top.other_paths(), *(os.path.join(root, name) for name in top.images)]
        found = []
        for person in top.folders:
            direct = list_folder(root / person)
            found += self._of_listing(direct, person, "", part)
            ignored += direct.other_paths()
            for camera in direct.folders:
                inner = list_folder(direct.folder / camera)
                found += self._of_listing(inner, person, camera, part)
                ignored += inner.other_paths()
                ignored += [os.path.join(inner.folder, name, "") for name in inner.folders]
        return found

    def _of_listing(self, listing: Listing, person: str, camera: str, part: str) -> list[Crop]:
        cameras = {name: camera for name in listing.images}
        if self._camera is not None:
            cameras = {name: self._camera_in(name, listing.folder) for name in listing.images}
        return [
            Crop(os.path.join(listing.folder, name), person, camera, part=part)
            for name, camera in cameras.items()
        ]

    def _camera_in(self, name: str, folder: Path) -> str:
        assert self._camera is not None
        match = self._camera.search(name)
        if match is None:
            raise ValueError(
                f"camera={self._camera.pattern!r} is not found in the name of "
                f"{folder / name}: expected it in every image name"
            )
        return match["camera" if "camera" in self._camera.groupindex else 1]


def _holds_persons(root: Path) -> bool:
    """Whether one of the first sub-folders holds an image, directly or one level below."""
    for name in list_folder(root).folders[:_LOOKED_AT]:
        person = root / name
        if first_images(person, 1):
            return True
        inner = list_folder(person).folders[:_LOOKED_AT]
        if any(first_images(person / camera, 1) for camera in inner):
            return True
    return False
