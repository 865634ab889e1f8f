"""A mixed set in Market-1501 layout as one set a source, to sample or leave out sources.

    python benchmarks/people.py ROOT OUT

ROOT holds ``sources.csv`` (first_person,last_person,source) beside the three Market-1501 folders.
Makes OUT/SOURCE in the same layout, of links to the images; nothing is copied. Then, for instance:

    passerby cross-validate people_best --data 3DPeS:market1501=OUT/3DPeS ... --out runs/folds
    passerby cross-validate people_best --by sources --only 3DPeS --data ... --out runs/without
"""

import argparse
import csv
import os
from pathlib import Path

PARTS = ("bounding_box_train", "query", "bounding_box_test")


def read_ranges(file: Path) -> list[tuple[int, int, str]]:
    """First person, last person and source of each row of a ``sources.csv``."""
    with file.open(newline="") as rows:
        return [
            (int(row["first_person"]), int(row["last_person"]), row["source"])
            for row in csv.DictReader(rows)
        ]


def main(root: Path, out: Path) -> None:
    """Link every image into the folder of its source."""
    ranges, counts = read_ranges(root / "sources.csv"), dict[str, int]()
    for part in PARTS:
        for image in sorted((root / part).glob("*.jpg")):
            person = int(image.name.split("_")[0])
            source = next(name for first, last, name in ranges if first <= person <= last)
            folder = out / source / part
            folder.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(folder / image.name):
                (folder / image.name).symlink_to(image.resolve())
            counts[source] = counts.get(source, 0) + 1
    for source, count in counts.items():
        for part in PARTS:
            (out / source / part).mkdir(exist_ok=True)
        print(f"{source}: {count} images")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    main(arguments.root, arguments.out)
