"""Passerby: person re-identification from labelled crops to ranked lists.

The names below are the public interface; everything behind them is imported on first use, so that
``import passerby`` costs milliseconds and does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from passerby.version import __version__

if TYPE_CHECKING:
    from passerby.config import Recipe
    from passerby.data.reading.reader import read_split
    from passerby.embedding.embedder import Embedder, load
    from passerby.evaluation.evaluate import evaluate
    from passerby.evaluation.ranking.rerank import rerank
    from passerby.evaluation.report import Report
    from passerby.gallery.gallery import Gallery
    from passerby.tables.embeddings import Embeddings
    from passerby.tables.records import Record, Split
    from passerby.training.loop import train
    from passerby.visual.ranking_pictures import draw_rankings

_HOMES = {
    "Embedder": "passerby.embedding.embedder",
    "Embeddings": "passerby.tables.embeddings",
    "Gallery": "passerby.gallery.gallery",
    "Recipe": "passerby.config",
    "Record": "passerby.tables.records",
    "Report": "passerby.evaluation.report",
    "Split": "passerby.tables.records",
    "draw_rankings": "passerby.visual.ranking_pictures",
    "evaluate": "passerby.evaluation.evaluate",
    "load": "passerby.embedding.embedder",
    "read_split": "passerby.data.reading.reader",
    "rerank": "passerby.evaluation.ranking.rerank",
    "train": "passerby.training.loop",
}

__all__ = [
    "Embedder",
    "Embeddings",
    "Gallery",
    "Recipe",
    "Record",
    "Report",
    "Split",
    "__version__",
    "draw_rankings",
    "evaluate",
    "load",
    "read_split",
    "rerank",
    "train",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'passerby' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
