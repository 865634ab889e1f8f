"""Embed images on Spark: ``spark-submit embed_spark.py IMAGES OUT WORKERS`` (``pip install
pyspark``, and a JRE)."""

import sys

from pyspark.sql import SparkSession

from passerby.data.crops import read_crops
from passerby.embedding.batches import EmbedBatch, EmbedParts


def main(images, out, workers, model="default", device=None):
    """Make a folder of parts, each by one of the workers."""
    work = EmbedParts(out, EmbedBatch(model, device=device, threads=1))
    work.plan(read_crops(images).crops)
    spark = SparkSession.builder.master(f"local[{workers}]").appName("embed").getOrCreate()
    missing = work.missing()
    if missing:
        table = spark.createDataFrame([(number,) for number in missing], "part long")
        table = table.repartitionByRange(len(missing), "part")
        table.mapInArrow(work.each, "part long, rows long, vectors long").collect()
    return work.finish()


if __name__ == "__main__":
    print(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
