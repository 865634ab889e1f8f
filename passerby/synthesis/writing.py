"""A synthetic set on disk, in the layout of Market-1501, which any reader of that layout opens.

    bounding_box_train/  0001_c1s1_000000_01.jpg ...   the train persons, from 1 on
    query/                                             moment 0 of each test person and camera
    bounding_box_test/                                 their other moments, distractors, junk
    keypoints.json, masks/, records.csv                on request: see `annotations`
    synthetic.json                                     the arguments, written last

The frame number in a name is the moment, the number behind the s is the day, from 1: `draw(seed,
person, camera, moment, day=)` draws it again.
"""

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from passerby.process.reporting import Advance, progress
from passerby.process.whole_files import write_whole
from passerby.synthesis.annotations import (
    KEYPOINTS,
    MASKS,
    RECORDS,
    Annotation,
    annotate,
    keypoints_json,
    mask_png,
    records_csv,
)
from passerby.synthesis.chance import generator
from passerby.synthesis.contents import (
    CONTENTS,
    GALLERY,
    QUERY,
    TRAIN,
    Contents,
    Shot,
    shots,
)
from passerby.synthesis.figures import encode, observe
from passerby.synthesis.folders import finished, made_beside
from passerby.synthesis.rendered.assets import VERSION, prepare
from passerby.synthesis.variety import Style

_CHUNK = 64  # pictures that a worker draws before it reports


def _write_some(task: tuple[Path, Contents, list[Shot]]) -> list[Annotation]:
    """Draw some pictures into a folder; what is known of each."""
    folder, contents, some = task
    return [_write_one(folder, contents, shot) for shot in some]


def _write_one(folder: Path, contents: Contents, shot: Shot) -> Annotation:
    seed, numbers = contents.seed, (shot.person, shot.camera, shot.moment)
    seen = observe(seed, *numbers, style=contents.style, site=shot.site, day=shot.day)
    image = encode(seen.picture, generator(seed, "file", *numbers))
    (folder / shot.folder / shot.name).write_bytes(image)
    if contents.masks:
        mask = folder / MASKS / shot.folder / Path(shot.name).with_suffix(".png")
        mask.write_bytes(mask_png(seen.truth.mask))
    return annotate(shot, seed, seen.truth)


def _tasks(
    folder: Path, contents: Contents, size: int
) -> Iterator[tuple[Path, Contents, list[Shot]]]:
    remaining = shots(contents)
    if contents.style in ("rendered", "mixed"):  # dressing takes longer than painting a place
        remaining = iter(sorted(remaining, key=lambda shot: (shot.site, shot.person, shot.day)))
    while some := list(islice(remaining, size)):
        yield folder, contents, some


def _write_all(folder: Path, contents: Contents, workers: int, advance: Advance) -> None:
    for part in (TRAIN, QUERY, GALLERY):
        (folder / part).mkdir()
        if contents.masks:
            (folder / MASKS / part).mkdir(parents=True)
    total, annotations = sum(1 for _ in shots(contents)), list[Annotation]()

    def take(written: list[Annotation]) -> None:
        annotations.extend(written)
        advance(len(annotations), total)

    if workers == 1:
        for task in _tasks(folder, contents, 8):
            take(_write_some(task))
    else:
        # Fresh processes behave alike on Linux, macOS and Windows, also beside threads.
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for written in pool.imap(_write_some, _tasks(folder, contents, _CHUNK)):
                take(written)
    if contents.joints:
        write_whole(folder / KEYPOINTS, keypoints_json(annotations))
    if contents.joints or contents.masks or contents.days > 1:
        write_whole(folder / RECORDS, records_csv(annotations, joints=contents.joints))


def _finished(root: Path, contents: Contents) -> bool:
    """Whether `root` already holds this set; `ValueError` if it holds anything else."""
    # What sets were before they could say so.
    earlier = {"style": "plain", "sites": 1, "days": 1, "joints": False, "masks": False}
    earlier["pack_version"] = 0
    return finished(root, CONTENTS, asdict(contents), "synthetic set", earlier)


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
    days: int = 1,
    joints: bool = False,
    masks: bool = False,
    workers: int = 1,
) -> Path:
    """Write a synthetic set and return its folder; a finished set is found and left as it is.

    `images` is per person, camera and day. Unless said, 100 distractors and 60 pieces of junk stand
    beside test persons, and none where nobody is tested. Persons are spread over `sites`, each with
    `cameras` cameras of its own that see none but them. They come on so many `days`, in other
    clothes on each. `style` "varied" and "street" are for networks that are to be used on cameras
    they were not trained on (`variety`, `streets`); "plain" is one place, well lit. `joints` and
    `masks` ask for files of what is true of the pictures (`annotations`).

    The set is made beside `root`, in a hidden folder, and renamed when it is complete: what stands
    at `root` is never half a set. With more than one worker the calling script needs the usual
    `if __name__ == "__main__":`, as processes are started afresh.

    Style "rendered" is street with persons rendered from meshes (`rendered`); of "mixed" every
    other person is drawn.

    Raises `ValueError` for impossible numbers, for a folder that holds something else, and where
    there is nothing to render persons from.
    """
    root = Path(root)
    beside = (100, 60) if test_persons else (0, 0)
    distractors = beside[0] if distractors is None else distractors
    junk = beside[1] if junk is None else junk
    counts = (train_persons, test_persons, cameras, images, distractors, junk)
    packed = VERSION if style in ("rendered", "mixed") else 0
    contents = Contents(
        seed, *counts, style=style, sites=sites, days=days, joints=joints, masks=masks,
        pack_version=packed,
    )  # fmt: skip
    if workers < 1:
        raise ValueError(f"expected at least 1 worker, got {workers}")
    if _finished(root, contents):
        return root
    if packed:
        prepare()
    with made_beside(root, lambda: _finished(root, contents)) as folder:
        with progress("drawing") as advance:
            _write_all(folder, contents, workers, advance)
        write_whole(folder / CONTENTS, json.dumps(asdict(contents), indent=2) + "\n")
    return root
