"""Embed images on Ray: ``python embed_ray.py IMAGES OUT WORKERS`` (``pip install "ray[data]"``).

On a machine that others use as well, set RAY_memory_monitor_refresh_ms=0: Ray kills its workers
where the machine's memory is nearly full, whoever took it, and tries again without end.
"""

import sys

import ray

from passerby.data.crops import read_crops
from passerby.embedding.batches import EmbedBatch, EmbedParts


def main(images, out, workers, model="default", device=None):
    """Make a folder of parts, each by one of the workers."""
    work = EmbedParts(out, EmbedBatch(model, device=device, threads=1))
    work.plan(read_crops(images).crops)
    missing = ray.data.from_items([{"part": number} for number in work.missing()])
    if missing.count():
        pool = ray.data.TaskPoolStrategy(size=workers)
        missing.map_batches(
            work.__call__, batch_size=1, batch_format="pyarrow", compute=pool
        ).materialize()
    return work.finish()


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
