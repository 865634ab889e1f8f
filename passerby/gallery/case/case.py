"""A case for others to read: a search or a person, with the evidence, its worth and who asked.

A case claims no identity. Likelihood ratios and probabilities are in it only where a calibration
holds in the gallery (`stored_calibrations.judge_of`); else distances and false-match rates are, and
it says so.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from passerby.evaluation.decisions.calibration import Calibration
from passerby.gallery.case.exhibits import (
    Exhibit,
    Picture,
    asked_with,
    exhibit_of_match,
    exhibit_of_stay,
)
from passerby.gallery.case.folders import last_part, without_folders
from passerby.gallery.link.rules import Rules
from passerby.gallery.paths.path import Path, judged, path_of_matches
from passerby.gallery.search.options import SearchOptions
from passerby.gallery.search.population import Populations
from passerby.gallery.stored_calibrations import judge_of
from passerby.gallery.text_tables import time_text
from passerby.process.spelling import count_of
from passerby.stores.about import About
from passerby.tables.filters import EVERYTHING, Where
from passerby.tables.sightings import NOT_A_PERSON

if TYPE_CHECKING:
    from passerby.gallery.gallery import Gallery

_LONGEST = 2000  # characters of what somebody says


@dataclass(frozen=True)
class Asked:
    """Who asked, and why, in their words; command: what was called, without folders; at: when.

    Raises:
        ValueError: Nobody, or no reason, is named, or a text is too long.
    """

    by: str
    reason: str
    command: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def __post_init__(self) -> None:
        for what, text in (("who asks (by)", self.by), ("why (reason)", self.reason)):
            if not text.strip() or len(text) > _LONGEST:
                raise ValueError(
                    f"a case says {what}: expected 1 to {_LONGEST:,} characters, got {len(text):,}"
                )


@dataclass(frozen=True)
class ModelSaid:
    """Which model made the vectors, and how an image becomes one; adapted: whether the gallery sees
    them after what its own sightings taught."""

    name: str
    fingerprint: str
    pooling: str
    dimensions: int
    adapted: bool


@dataclass(frozen=True)
class Case:
    """What goes into a case.

    title: in words; asked; model; question: what was asked, by name; queries: pictures that were
    asked with; exhibits: passages, in the order of the search or of time; path: over the cameras,
    None where none is known; answer: in words, "" where nothing judges; absent: probability that
    the person is not in the gallery, at prior_absent before; calibration: that ratios are of, None
    where there are none; notes: what to know.
    """

    title: str
    asked: Asked
    model: ModelSaid
    question: dict[str, object]
    exhibits: tuple[Exhibit, ...]
    queries: tuple[Picture, ...] = ()
    path: Path | None = None
    answer: str = ""
    absent: float | None = None
    prior_absent: float | None = None
    calibration: Calibration | None = None
    notes: tuple[str, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Of the question and of all exhibits."""
        return self.queries + tuple(one for each in self.exhibits for one in each.pictures)


def case_of_images(
    gallery: Gallery,
    images: Sequence[str | os.PathLike[str] | bytes],
    options: SearchOptions,
    asked: Asked,
) -> Case:
    """The case of a search by images of one person: files, or their bytes.

    Raises:
        ValueError: As `Gallery.search`.
        UnreadableImage: An image cannot be read.
    """
    queries = asked_with(images)
    # By content: what a search says of its images would name their files otherwise.
    found = gallery.search_with(
        [picture.content for picture in queries], replace(options, thumbnails=True)
    )
    shown = gallery.view.about
    judge = judge_of(shown, found.images, Populations(gallery.store).cameras)
    path = None
    if any(match.llr is not None for match in found):
        try:
            least = Rules().least_llr(found.searched)
            path = judged(path_of_matches("passages like the picture", found, least), None)
        except ValueError:  # none is likely enough
            path = None
    return Case(
        "A search by picture",
        asked,
        _model_of(gallery.about),
        {
            "kind": "search",
            "images": found.images,
            "searched": found.searched,
            "exact": found.exact,
            "filter": filter_said(options.where),
            "passages": options.k,
            "reranked": options.rerank,
            "query_camera": options.camera,
            "query_from_elsewhere": options.elsewhere,
            "prior_absent": options.prior_absent,
            "false_positive_identification_rate": options.fpir,
        },
        tuple(
            exhibit_of_match(match, number, found.probability(match))
            for number, match in enumerate(found, 1)
        ),
        queries,
        path,
        answer="" if found.decision is None else str(found.decision),
        absent=None if found.posterior is None else found.posterior.absent,
        prior_absent=None if found.posterior is None else found.posterior.prior_absent,
        calibration=judge.calibration if any(m.llr is not None for m in found) else None,
        notes=(*map(without_folders, found.notes), *_not_searched(gallery, options.where)),
    )


def case_of_person(gallery: Gallery, person: str, asked: Asked, where: Where = EVERYTHING) -> Case:
    """The case of a named person: where and when their sightings are.

    Nothing is compared: that the sightings are of one person is what people or `gallery link` said.

    Raises:
        ValueError: As `Gallery.path`.
    """
    chosen = replace(where, persons=(person,))
    path = gallery.path(chosen)
    ids = [stay.sighting for stay in path.stays]
    kept = gallery.thumbnails(ids), gallery.strips(ids)
    return Case(
        f"The passages of {person}",
        asked,
        _model_of(gallery.about),
        {"kind": "person", "person": person, "filter": filter_said(chosen)},
        tuple(
            exhibit_of_stay(stay, number, person, kept) for number, stay in enumerate(path.stays, 1)
        ),
        path=path,
        notes=(
            *path.notes,
            "the sightings are of one person as far as whoever named them was right, people or "
            "passerby gallery link: this case compares nothing",
        ),
    )


def _not_searched(gallery: Gallery, where: Where) -> tuple[str, ...]:
    """What a search passed over as people set it aside: whoever reads a case may doubt that."""
    if where.persons:
        return ()
    count = gallery.store.count(replace(where, persons=(NOT_A_PERSON,)))
    one = "sighting was set aside as no person and was not searched"
    several = "sightings were set aside as no person and were not searched"
    return (count_of(count, one, several),) if count else ()


def filter_said(where: Where) -> dict[str, object]:
    """The conditions of a filter that are given, times in UTC."""
    given = {name: value for name, value in asdict(where).items() if value not in ((), None)}
    if where.sources:
        given["sources"] = [*map(last_part, where.sources)]
    return {
        name: time_text(value.astimezone(UTC)) if isinstance(value, datetime) else value
        for name, value in given.items()
    }


def _model_of(about: About) -> ModelSaid:
    return ModelSaid(about.name, about.model, about.pooling, about.dimensions, bool(about.adapted))
