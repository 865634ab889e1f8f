"""Whether a network finds the parts of persons: its maps against those of the drawn joints.

    python benchmarks/part_maps.py RUN... [--data ROOT]

ROOT (default: systems-benchmark/data) is the set that benchmarks/systems.py has drawn, RUN a model
that it has trained (systems-benchmark/aacn). Prints rows of a Markdown table: of the test images in
which at least half of a part is seen, in how many percent the part's map is highest on the part,
where the true map has more than half of its height; and how much of the maps' squared error is
left of that of the mean map of the training images. Beside each the same of the mean map.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import Tensor

from passerby.body_parts import JOINTS, PARTS, body_maps
from passerby.data.images import decode
from passerby.data.keypoints import read_keypoints
from passerby.data.reading.reader import read_split
from passerby.explanation.subject import open_subject

BATCH = 64


def main(runs: list[str], root: Path) -> None:
    """Score each against the mean map of the training images."""
    split = read_split(str(root))
    tested = [*split.query, *split.gallery]
    images = [decode(record.image) for record in tested]
    print("| run | part | images | highest on it % | mean map % | squared error % |")
    print("|---|---|---|---|---|---|", flush=True)
    for run in runs:
        subject = open_subject(run)
        found = torch.cat(
            [
                subject.network(subject.inputs(images[first : first + BATCH])).maps[:, -1]
                for first in range(0, len(images), BATCH)
            ]
        )[:, len(JOINTS) :]
        size = (found.shape[2], found.shape[3])
        wanted = true_maps(root, tested, size)
        mean = true_maps(root, split.train, size).mean(dim=0, keepdim=True).expand_as(wanted)
        left = (found - wanted).square().sum(dim=(0, 2, 3)) / (mean - wanted).square().sum(
            dim=(0, 2, 3)
        )
        for number, part in enumerate(PARTS):
            own = wanted[:, number]
            seen = own.amax(dim=(1, 2)) >= 0.4  # half of the joints; bells lie between the cells
            shares = [hits(maps[:, number][seen], own[seen]) for maps in (found, mean)]
            row = [Path(run).name, part, int(seen.sum()), *(f"{share:.0f}" for share in shares)]
            print(f"| {' | '.join(map(str, row))} | {100 * left[number]:.0f} |", flush=True)


def true_maps(root: Path, records, size: tuple[int, int]) -> Tensor:
    """Of the parts [N, 11, h, w], by the joints in pixels of the files' images."""
    joints = read_keypoints(root / "keypoints.json", records)
    sides = np.array([decode(record.image).shape[1::-1] for record in records], np.float32)
    joints[:, :, :2] /= sides[:, None]
    return body_maps(torch.from_numpy(joints), size)[:, len(JOINTS) :]


def hits(found: Tensor, wanted: Tensor) -> float:
    """In how many percent of maps [N, h, w] the highest point lies on the wanted part."""
    highest = found.flatten(1).argmax(dim=1, keepdim=True)
    flat = wanted.flatten(1)
    on_it = flat.gather(1, highest)[:, 0] > flat.amax(dim=1) / 2
    return 100 * on_it.float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--data", type=Path, default=Path("systems-benchmark/data"))
    given = parser.parse_args()
    with torch.inference_mode():
        main(given.runs, given.data)
