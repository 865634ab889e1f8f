"""Embed images on Daft: ``python embed_daft.py IMAGES OUT WORKERS`` (``pip install daft``)."""

import sys

import daft

from passerby.data.crops import read_crops
from passerby.embedding.batches import EmbedBatch, EmbedParts


def main(images, out, workers, model="default", device=None):
    """Make a folder of parts, each by one of the workers."""
    work = EmbedParts(out, EmbedBatch(model, device=device, threads=1))
    work.plan(read_crops(images).crops)

    @daft.cls(max_concurrency=workers, use_process=True)
    class Worker:
        @daft.method.batch(return_dtype=daft.DataType.int64(), batch_size=1)
        def rows(self, numbers):
            return [work.make(number).rows for number in numbers.to_pylist()]

    missing = work.missing()
    if missing:
        table = daft.from_pydict({"part": missing})
        table.select(Worker().rows(daft.col("part"))).collect()
    return work.finish()


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
