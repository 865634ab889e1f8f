"""Embedding on the engines that people have: Ray Data, Daft, Spark, torchrun, or one process.

`EmbedBatch` makes vectors of a table of images, `EmbedParts` a folder of parts that is the same
whoever made it; docs/batches.md shows both.
"""

from passerby.embedding.batches.batch import EmbedBatch
from passerby.embedding.batches.parts import EmbedParts, SavedParts

__all__ = ["EmbedBatch", "EmbedParts", "SavedParts"]
