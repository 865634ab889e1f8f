"""Embed images by the processes of torchrun: ``torchrun --nproc-per-node 4 embed_torchrun.py IMAGES
OUT``, the same as ``torchrun --nproc-per-node 4 -m passerby embed IMAGES --parts --out OUT``."""

import os
import sys

import passerby
from passerby.data.crops import read_crops
from passerby.embedding.batches.parts import embed_to_parts
from passerby.process.distributed import process_group


def main(images, out, model="default", device=None):
    """Make a folder of parts, each by one of the processes."""
    crops = read_crops(images).crops
    with process_group(device):
        return embed_to_parts(passerby.load(model, device=device), crops, out)


if __name__ == "__main__":
    saved = main(*sys.argv[1:])
    if os.environ.get("RANK", "0") == "0":
        print(saved)
