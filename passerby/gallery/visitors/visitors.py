"""Visitors of a gallery: the count with its parts, as it is asked for and as it is said."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from passerby.evaluation.decisions.calibration import Calibration
from passerby.evaluation.decisions.conditions import shortened
from passerby.gallery.link.rules import Rules
from passerby.gallery.link.worth import by_calibration
from passerby.gallery.reviewed_pairs import constraints
from passerby.gallery.search.population import Populations
from passerby.gallery.stored_calibrations import judge_of
from passerby.gallery.text_tables import LONGEST, aligned, csv_text, printable
from passerby.gallery.visitors.counting import Sampling, at_a_threshold, draws
from passerby.gallery.visitors.evidence import evidence
from passerby.gallery.visitors.joint_likelihood import joint_likelihood
from passerby.gallery.visitors.parts import By, Counted, Part, Question
from passerby.process.spelling import count_of
from passerby.stores import Store
from passerby.tables.filters import Where
from passerby.tables.sightings import UNKNOWN, Sightings

_COLUMNS = (
    "part", "passages", "persons", "persons_low", "persons_high", "new", "new_low", "new_high",
    "returning", "returning_low", "returning_high",
)  # fmt: skip


@dataclass(frozen=True)
class Visitors:
    """How many different persons: whole; parts; at_threshold: groups of passages where each pair
    above ``least_ratio`` is one person, for comparison; by; without; notes: what to know."""

    whole: Part
    parts: tuple[Part, ...]
    at_threshold: int
    by: By | None
    without: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=1)

    def to_csv(self) -> str:
        """A row a part, the whole last."""
        return csv_text(_COLUMNS, map(_cells, (*self.parts, self.whole)))

    def __str__(self) -> str:
        whole = self.whole
        lines = [
            f"{count_of(whole.persons.middle, 'different person')} (95 %: {whole.persons.low} to "
            f"{whole.persons.high}) in {count_of(whole.passages, 'passage')}; groups at a "
            f"threshold would be {self.at_threshold}"
        ]
        heading = [self.by or "", "passages", "persons", "new", "returning"]
        rows = [
            [
                printable(part.name, LONGEST) or "–",
                f"{part.passages:,}",
                *(
                    "–" if said is None else str(said)
                    for said in (part.persons, part.new, part.returning)
                ),
            ]
            for part in (*self.parts, whole)
        ]
        if self.parts or whole.new is not None:
            lines += aligned([heading, *rows])
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


def count_visitors(
    store: Store, question: Question, rules: Rules, sampling: Sampling | None = None
) -> Visitors:
    """How many different persons a gallery's sightings show.

    rules: tolerance, overlapping cameras, gap and prefix, as in linking.

    Raises:
        ValueError: No sighting, no calibration that holds in the gallery or none of pairs by one
            camera, no time where parts are of time, or more passages than can be counted at once.
    """
    cameras = Populations(store).cameras()
    judge = judge_of(store.about, 1, lambda: cameras)
    if judge.calibration is None:
        raise ValueError(
            "counting needs to know what a distance is worth, or its interval would not be true: "
            f"{'; '.join(judge.notes)}"
        )
    worth = by_calibration(judge.calibration)
    if not worth.one_camera:
        raise ValueError(
            "counting needs to know whether two passages by one camera are of one person, and the "
            "calibration is of pairs by two cameras alone: calibrate with crops that show at least "
            "60 persons twice by one camera, in two passages"
        )
    across = judge.calibration.for_pairs(one_camera=False) or judge.calibration
    joint = joint_likelihood(across)
    sightings = _read(store, question)
    persons = sightings.persons
    names = np.where(np.char.startswith(persons, rules.prefix), UNKNOWN, persons)
    said = constraints(store, sightings.ids)
    known = evidence(sightings, names, worth, said, rules)
    sampled = draws(known, joint, sampling or Sampling())
    counted = Counted(known, sightings, sampled, question)
    notes = [*judge.notes, *_of_other_cameras(judge.calibration, cameras)]
    if not known.doubts.any():
        notes.append(
            "how well the calibration is known is not, so that the interval leaves it out: it is "
            "narrower than it should be"
        )
    return Visitors(
        counted.whole(), counted.parts(), at_a_threshold(known.llrs, rules.least_llr(len(known))),
        question.by, question.without, tuple(notes),
    )  # fmt: skip


def _of_other_cameras(calibration: Calibration, cameras: Collection[str]) -> list[str]:
    """A count adds up what all pairs say, and so what all their ratios have wrong alike."""
    learnt = calibration.conditions
    if learnt is None or learnt.cover(cameras):
        return []
    return [
        f"the ratios were learnt by other cameras ({_named(learnt.cameras)}) than these "
        f"({_named(sorted(cameras))}): unless those see people as these do, the interval may "
        "miss the truth; forty questions about pairs of your own make it hold (passerby gallery "
        "calibrate GALLERY --review, and --one-camera)"
    ]


def _named(cameras: Sequence[str]) -> str:
    """Without the stroke before a camera whose source is not known."""
    return shortened([camera.removeprefix("/") for camera in cameras])


def _read(store: Store, question: Question) -> Sightings:
    where = question.where
    wanted = [where]
    if question.back is not None and where.since is not None:
        wanted.append(
            Where(
                cameras=where.cameras,
                not_cameras=where.not_cameras,
                sources=where.sources,
                since=where.since - question.back,
                until=where.since,
            )
        )
    if question.without:
        wanted.append(Where(persons=question.without))
    parts = [part for one in wanted for part in store.read(one)]
    if not parts or not any(len(part) for part in parts):
        raise ValueError("no sighting satisfies the filter: there is nobody to count")
    joined = Sightings.joined(parts)
    return joined[np.unique(joined.ids, return_index=True)[1]]


def _cells(part: Part) -> dict[str, object]:
    cells: dict[str, object] = {"part": part.name, "passages": part.passages}
    for name in ("persons", "new", "returning"):
        said = getattr(part, name)
        ends = ("", "", "") if said is None else (said.middle, said.low, said.high)
        cells.update(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
    return cells
