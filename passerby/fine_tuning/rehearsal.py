"""Rehearsal: labelled persons that a model has to know still, in every batch and as its guard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from passerby.data.holdout import HoldOut, hold_out
from passerby.data.reading.joining import persons_in_train
from passerby.data.reading.reader import read_split
from passerby.embedding.embedder import Embedder
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.synthesis.writing import write
from passerby.tables.records import Split
from passerby.training.scores import mean_scores, score_each

SOURCE = "rehearsal"

_PERSONS, _SITES, _CAMERAS = 200, 10, 4  # drawn; each site has cameras of its own
_MOST_HELD = 60  # persons of the guard, and no more than a third of all


@dataclass(frozen=True)
class Guard:
    """rank-1 and mAP in percent of persons who are not trained on, before and after."""

    before: dict[str, float]
    after: dict[str, float]
    persons: int

    @property
    def worse_by(self) -> float:
        """Points that the worse of the two figures has lost; below 0 where both have gained."""
        return max(self.before[name] - self.after[name] for name in self.before)

    def __str__(self) -> str:
        told = [
            f"{name} {self.before[key]:.1f} before, {self.after[key]:.1f} after"
            for key, name in FIGURES.items()
        ]
        return f"guard, {count_of(self.persons, 'labelled person')} held out: {'; '.join(told)}"


FIGURES = {"rank1": "rank-1", "mean_average_precision": "mAP"}


def rehearsal_of(data: str | None, folder: Path, seed: int) -> HoldOut:
    """Labelled persons to rehearse, and others held out as the guard.

    data: [KIND=]ROOT of a set of one's own; drawn persons, in ``folder``, without it. Raises
    ValueError for too few that two cameras saw.
    """
    if data is None:
        say("drawing persons for the rehearsal")
        write(
            folder, seed=seed, train_persons=_PERSONS, test_persons=0, cameras=_CAMERAS, images=2,
            style="street", sites=_SITES,
        )  # fmt: skip
        split = read_split(f"market1501={folder}")
    else:
        split = read_split(data)
    records = persons_in_train(split.of_source(SOURCE))
    persons = len({record.person for record in records})
    return hold_out(records, min(_MOST_HELD, max(persons // 3, 1)), seed)


def rehearsed(held: HoldOut) -> Split:
    """The persons to train on."""
    return Split(SOURCE, train=held.train)


def guard_figures(embedder: Embedder, held: HoldOut) -> dict[str, float]:
    """rank-1 and mAP of the persons held out, in percent."""
    found = mean_scores(score_each(embedder, held.tests))
    return {name: found[name] for name in FIGURES}
