"""How often what models fail on occurs in sets of crops, drawn or real.

    python benchmarks/crop_statistics.py DATA ...      e.g. market1501=OUT/3DPeS synthetic=street

A row a set, over its train persons (people.py divides a mixed set by its sources). Casts, exposure
and sun beside shade are of cameras with ten crops or more; colours are those of the screen, 0 to
255. Expected: docs/synthetic.md.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from passerby.data.reading.reader import read_split
from passerby.tables.records import Record

CAST = 0.5  # octaves between red and blue in a camera's mean
BURNT = 0.05  # share of pixels at 250 or above in a camera's mean
UNEVEN = 2.0  # a camera's bright crops (90th percentile of means) over its dark ones (10th)
DARK = 75.0  # brightness of the median pixel of chest and of legs
LEAST = 10  # crops of a camera
MOST = 4000  # crops of a set, spread evenly


@dataclass(frozen=True)
class Crop:
    """What is measured of one picture."""

    mean: np.ndarray  # [3]
    burnt: float
    dark: bool
    chest: float  # brightness of its median pixel
    rows: int


def measure(picture: Image.Image) -> Crop:
    """The crop's colours; chest and legs are where they usually are in a box."""
    pixels = np.asarray(picture.convert("RGB"), np.float32)
    height, width = pixels.shape[:2]
    grey = pixels @ np.array([0.3, 0.59, 0.11], np.float32)
    middle = grey[:, int(0.35 * width) : int(0.65 * width)]
    chest = np.median(middle[int(0.22 * height) : int(0.45 * height)])
    legs = np.median(middle[int(0.55 * height) : int(0.75 * height)])
    burnt = float(np.mean(grey >= 250))
    return Crop(
        pixels.mean((0, 1)), burnt, bool(chest < DARK and legs < DARK), float(chest), height
    )


def describe(name: str, records: list[Record]) -> str:
    """A row of the table: shares of cameras and of crops."""
    crops = defaultdict(list)
    for record in records[:: max(1, len(records) // MOST)]:
        with Image.open(record.image) as picture:
            crops[record.camera].append(measure(picture))
    cameras = [some for some in crops.values() if len(some) >= LEAST]
    means = [np.mean([crop.mean for crop in some], 0) for some in cameras]
    cast = np.mean([abs(np.log2(red / blue)) > CAST for red, _, blue in means])
    burnt = np.mean([np.mean([crop.burnt for crop in some]) > BURNT for some in cameras])
    light = [np.percentile([crop.mean.mean() for crop in some], (10, 90)) for some in cameras]
    uneven = np.mean([high / low > UNEVEN for low, high in light])
    every = [crop for some in crops.values() for crop in some]
    dark = np.mean([crop.dark for crop in every])
    small = np.mean([crop.rows < 64 for crop in every])
    shares = "  ".join(f"{100 * share:5.1f}" for share in (cast, burnt, uneven, dark, small))
    low, middle = np.percentile([crop.chest for crop in every], (10, 50))
    return f"{name:14} {len(cameras):7d} {len(every):6d}  {shares}  {low:5.0f} {middle:5.0f}"


def main(sets: list[str]) -> None:
    """Print the table."""
    print(
        f"{'set':14} cameras  crops   cast  burnt  sun/shade  dark  < 64 rows  (%)"
        "  chest: 10th, 50th percentile"
    )
    for text in sets:
        print(describe(Path(text).name, list(read_split(text).parts["train"])))


if __name__ == "__main__":
    if not sys.argv[1:]:
        raise SystemExit(__doc__)
    main(sys.argv[1:])
