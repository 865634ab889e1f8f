"""Commands about data sets: check one, draw one, film one."""

from __future__ import annotations

from typing import Annotated, Literal

from tyro.conf import Positional, arg

from passerby.cli.options import Data, Json, Number
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say


def check(
    root: Positional[Data],
    /,
    *,
    decode: bool = False,
    images_per_person: Number = 4,
    json: Json = False,
) -> None:
    """Say what was expected of a data set and what was found.

    Args:
        decode: read every image and name those that cannot be read.
        images_per_person: name train persons with fewer images (the K of P × K batches).
    """
    from passerby.data.check import check_data

    found = check_data(root, decode, images_per_person)
    answer(as_json(found, ok=found.ok, findings=found.findings()) if json else found)


def synthesize(
    root: Positional[Annotated[str, arg(metavar="FOLDER")]],
    /,
    *,
    seed: Number = 0,
    train_persons: Number = 200,
    test_persons: Number = 100,
    cameras: Number = 4,
    images: Number = 3,
    style: Literal["plain", "varied", "street", "rendered", "mixed"] = "plain",
    sites: Number = 1,
    clothes_change: Annotated[Number, arg(metavar="DAYS")] = 1,
    with_joints: bool = False,
    with_masks: bool = False,
    workers: Number = 2,
) -> None:
    """Draw synthetic persons in Market-1501 layout, the same ones for the same seed.

    Args:
        root: folder to make.
        seed: of persons, cameras and moments.
        train_persons: persons in the train part.
        test_persons: other persons, in query and gallery.
        cameras: that see every person.
        images: of each person by each camera.
        style: plain; varied: places, light, cameras and boxes as unlike as those of real sets;
            street: varied, with what models fail on: casts, deep shade, dark look-alikes, captions;
            rendered: street with persons rendered from MakeHuman's bodies and clothes; mixed:
            every other person rendered, the others drawn.
        sites: over which the persons are spread, each with so many cameras of its own.
        clothes_change: days on which persons come, in other clothes each day; images are of each.
        with_joints: write COCO's seventeen joints, boxes and occlusion to keypoints.json.
        with_masks: write silhouettes to masks/: 255 seen, 128 hidden, 0 not the person.
        workers: processes that draw.
    """
    from passerby.synthesis.writing import write

    write(
        root,
        seed=seed,
        train_persons=train_persons,
        test_persons=test_persons,
        cameras=cameras,
        images=images,
        style=style,
        sites=sites,
        days=clothes_change,
        joints=with_joints,
        masks=with_masks,
        workers=workers,
    )
    say(f"drawn: passerby data check {root}")


def site(
    root: Positional[Annotated[str, arg(metavar="FOLDER")]],
    /,
    *,
    cameras: Number = 4,
    minutes: Annotated[float, arg(metavar="N")] = 5.0,
    persons: Number = 40,
    style: Literal["drawn", "rendered"] = "drawn",
    seed: Number = 0,
) -> None:
    """Film synthetic persons before several cameras: video with its truth, the same for a seed.

    Args:
        root: folder to make.
        cameras: of every four the first two overlap, from three cameras on.
        minutes: that each camera films, at 25 frames a second.
        persons: who come by, some of them again and again.
        style: drawn; rendered: persons rendered from MakeHuman's bodies and clothes.
        seed: of the place, the persons and where they walk.
    """
    from passerby.synthesis.motion.writing import START, write_site

    folder = write_site(
        root, seed=seed, cameras=cameras, minutes=minutes, persons=persons, style=style
    )
    say(
        f"filmed: passerby watch {folder / 'camera1.mp4'} --start {START.isoformat()}; the truth "
        f"is in {folder / 'passages.csv'} and {folder / 'camera1' / 'gt' / 'gt.txt'}"
    )
