"""Match, Matches: what a search of a gallery found, as text, JSON and CSV."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from passerby.evaluation.bootstrap import Interval
from passerby.evaluation.decisions.wording import percent, ratio_with_ends, support
from passerby.gallery.search.posterior import Candidate, Decision, Nearest, Posterior
from passerby.gallery.text_tables import (
    LONGEST,
    aligned,
    csv_text,
    printable,
    printable_path,
    ratio_cells,
    seconds_text,
    span_text,
    time_text,
)
from passerby.process.spelling import count_of
from passerby.tables.sightings import UNKNOWN

SCALE = (
    "the distance is cosine; a likelihood ratio is evidence about one pair of pictures; a "
    "false-match rate is the share of pairs of two persons of this gallery that are as near; a "
    "probability is of a candidate among all that could be meant"
)
_NAMED_BY_TEXT = ("sighting", "person", "camera", "source", "time", "image")
_CLIP = ("first_second", "last_second")
_COLUMNS = (
    "query", "rank", "sighting", "distance", "reranked", "likelihood_ratio", "likelihood_ratio_low",
    "likelihood_ratio_high", "support", "transit_likelihood_ratio", "joint_likelihood_ratio",
    "false_match_rate", "person", "camera", "source", "time",
    "frame", "tracklet", "quality", "image", "person_probability", "absent", "answer", "sightings",
    "first", "last", *_CLIP,
)  # fmt: skip
_SHOWN = 5  # candidates below a table


@dataclass(frozen=True)
class Shown:
    """One picture of a passage. second: of the video, and frame; time: None where not known; box:
    left, top, right, bottom in the frame's pixels; jpeg: where it was asked for and is kept."""

    second: float
    frame: int
    time: datetime | None
    box: tuple[float, float, float, float]
    jpeg: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Match:
    """A passage that was found: the nearest of its sightings, and what is known of the others.

    rank: from 1, in the order of the search; distance: cosine; reranked: the distance that the
    order follows where the search was re-ranked (no evidence, on no scale); llr: natural
    log-likelihood ratio of the distance, None without a calibration; llr_interval: what so few
    pairs leave open of it; transit_llr: that of the time between, None where it does not count or
    nothing is known; false_match_rate: in its place, the share of pairs of two persons of
    this gallery that are as near, learnt without labels. person, camera, source, image:
    "" where not known; frame and tracklet: −1; quality and time: None. All these are of the
    nearest. sightings: of the passage (a tracklet, or one sighting alone) among those compared;
    first, last: when these were. thumbnail: a small JPEG where it was asked for and is kept. Of a
    passage that is kept as one sighting: seconds: of the video that its source names, from the
    first to the last frame; pictures: up to five, in the order of time.
    """

    rank: int
    sighting: str
    distance: float
    reranked: float | None = None
    llr: float | None = None
    false_match_rate: float | None = None
    person: str = UNKNOWN
    camera: str = UNKNOWN
    source: str = UNKNOWN
    time: datetime | None = None
    frame: int = -1
    tracklet: int = -1
    quality: float | None = None
    image: str = ""
    sightings: int = 1
    first: datetime | None = None
    last: datetime | None = None
    thumbnail: bytes = field(default=b"", repr=False)
    llr_interval: Interval | None = None
    seconds: tuple[float, float] | None = None
    pictures: tuple[Shown, ...] = ()
    transit_llr: float | None = None

    @property
    def joint_llr(self) -> float | None:
        """That of looks and time together, None where either is not known."""
        if self.llr is None or self.transit_llr is None:
            return None
        return self.llr + self.transit_llr

    @property
    def clip(self) -> str:
        """The seconds of the video, "" where it is of none."""
        return "" if self.seconds is None else seconds_text(*self.seconds)


@dataclass(frozen=True)
class Matches:
    """What one query found, nearest first unless re-ranked.

    query: its image; images: how many were pooled; files: their paths; hashes: of their contents as
    they were embedded, () where not known; searched: sightings that
    satisfied the filter; timeless: others that a filter on time passed over because their time is
    not known; exact: whether all of them were compared; posterior, decision: None without a
    calibration; notes: what to know.
    """

    query: str
    images: int
    files: tuple[str, ...]
    matches: tuple[Match, ...]
    searched: int
    timeless: int
    exact: bool
    posterior: Posterior | None
    decision: Decision | None
    notes: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.matches)

    def __getitem__(self, row: int) -> Match:
        return self.matches[row]

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    @property
    def answer(self) -> Candidate | Nearest | None:
        """Who it is, None for "unknown"."""
        return None if self.decision is None else self.decision.answer

    def probability(self, match: Match) -> float | None:
        """Of the candidate that a match belongs to: its person, or the unknown one of it alone."""
        if self.posterior is None:
            return None
        return self.posterior.of(match.person, match.sighting)

    def to_json(self) -> str:
        """All of it, as JSON text; thumbnails left out."""
        return json.dumps(_plain(self), indent=1, allow_nan=False)

    def __str__(self) -> str:
        pooled = f" ({self.images} images pooled)" if self.images > 1 else ""
        how = "" if self.exact else ", approximately"
        lines = [
            f"{printable(self.query)}{pooled} among {count_of(self.searched, 'sighting')}{how}"
        ]
        lines += _table(self.matches)
        if self.posterior is not None:
            lines += _beliefs(self.posterior)
        if self.decision is not None:
            lines.append(_printable_lines(str(self.decision)))
        return "\n".join([*lines, *(f"note: {_printable_lines(note)}" for note in self.notes)])


def matches_json(found: Sequence[Matches]) -> str:
    """The searches as JSON text: ``{"searches": [...]}``."""
    return json.dumps({"searches": [_plain(one) for one in found]}, indent=1, allow_nan=False)


def matches_csv(found: Sequence[Matches]) -> str:
    """A row for each match of each search, with a heading.

    person_probability and absent are of the search, and repeated in each of its rows.
    """
    return csv_text(_COLUMNS, (_row(one, match) for one in found for match in one))


def matches_text(found: Sequence[Matches], *, json: bool = False, csv: bool = False) -> str:
    """The searches as tables, JSON or CSV. Raises ValueError for both."""
    if json and csv:
        raise ValueError("expected --json or --csv, not both")
    if json:
        return matches_json(found)
    return matches_csv(found).rstrip("\n") if csv else "\n\n".join(map(str, found))


def _plain(found: Matches) -> dict[str, object]:
    """What JSON can hold; beside each match its likelihood ratio, beside the whole the scale."""
    content = asdict(found)
    for match, plain in zip(found.matches, content["matches"], strict=True):
        del plain["thumbnail"]
        for shown, each in zip(match.pictures, plain["pictures"], strict=True):
            del each["jpeg"]
            each["time"] = time_text(shown.time) or None
        for name in ("time", "first", "last"):
            plain[name] = time_text(getattr(match, name)) or None
        plain["likelihood_ratio"] = _ratio(match.llr)
        plain["transit_likelihood_ratio"] = _ratio(match.transit_llr)
        plain["joint_likelihood_ratio"] = _ratio(match.joint_llr)
        plain["support"] = None if match.llr is None else support(match.llr)
        spread = match.llr_interval
        plain["likelihood_ratio_interval"] = spread and [
            math.exp(spread.low),
            math.exp(spread.high),
        ]
    content["scale"] = SCALE
    return content


def _ratio(llr: float | None) -> float | None:
    return None if llr is None else math.exp(llr)


def _row(found: Matches, match: Match) -> dict[str, object]:
    answer = "" if found.decision is None else "unknown"
    if found.answer is not None:
        answer = found.answer.person or f"the person of sighting {found.answer.nearest}"
    return {
        "query": found.query,
        "rank": match.rank,
        "distance": f"{match.distance:z.6f}",
        "reranked": "" if match.reranked is None else f"{match.reranked:.6f}",
        **ratio_cells(match.llr, match.llr_interval),
        "transit_likelihood_ratio": _share(_ratio(match.transit_llr)),
        "joint_likelihood_ratio": _share(_ratio(match.joint_llr)),
        "false_match_rate": _share(match.false_match_rate),
        "frame": "" if match.frame < 0 else match.frame,
        "tracklet": "" if match.tracklet < 0 else match.tracklet,
        "quality": "" if match.quality is None else f"{match.quality:.4f}",
        "person_probability": _share(found.probability(match)),
        "absent": _share(None if found.posterior is None else found.posterior.absent),
        "answer": answer,
        **{name: getattr(match, name) for name in _NAMED_BY_TEXT if name != "time"},
        "time": time_text(match.time),
        "sightings": match.sightings,
        "first": time_text(match.first),
        "last": time_text(match.last),
        **dict(zip(_CLIP, match.seconds or ("", ""), strict=True)),
    }


def _share(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.6g}"


def _table(matches: Sequence[Match]) -> list[str]:
    if not matches:
        return ["  nothing found"]
    scales = [
        *(["LR"] if any(match.llr is not None for match in matches) else []),
        *(["way LR", "both"] if any(match.transit_llr is not None for match in matches) else []),
        *(["FMR"] if any(match.false_match_rate is not None for match in matches) else []),
    ]
    clips = ["clip"] if any(match.seconds for match in matches) else []
    head = ["rank", "distance", *scales, "person", "camera", "time", *clips]
    rows = [[*head, "sightings", "file", "frame", "sighting"]]
    for match in matches:
        worth = {
            "LR": "" if match.llr is None else ratio_with_ends(match.llr, match.llr_interval),
            "way LR": _short(match.transit_llr),
            "both": _short(match.joint_llr),
            "FMR": "" if match.false_match_rate is None else f"{match.false_match_rate:.2g}",
        }
        rows.append(
            [
                str(match.rank),
                f"{match.distance:z.4f}",
                *(worth[scale] for scale in scales),
                printable(match.person, LONGEST) or "–",
                printable(match.camera, LONGEST) or "–",
                span_text(match.first, match.last) or time_text(match.time) or "–",
                *([_of_clip(match)] if clips else []),
                str(match.sightings),
                printable_path(match.image, LONGEST) or "–",
                "–" if match.frame < 0 else str(match.frame),
                printable(match.sighting, 32),
            ]
        )
    return aligned(rows)


def _short(llr: float | None) -> str:
    return "–" if llr is None else ratio_with_ends(llr, None)


def _of_clip(match: Match) -> str:
    if match.seconds is None:
        return "–"
    return f"{printable_path(match.source, LONGEST)} {match.clip}".strip()


def _beliefs(found: Posterior) -> list[str]:
    """The posterior in words."""
    lines = [
        f"who it is, when before the search absence had {100 * found.prior_absent:g} % and "
        f"{count_of(found.population, 'candidate')} shared the rest evenly:"
    ]
    shown = found.candidates[:_SHOWN]
    lines += [f"  {_percent(c.probability)}  {printable(str(c), 90)}" for c in shown]
    others = sum(c.probability for c in found.candidates[_SHOWN:])
    count = found.population - len(shown)
    if count > 0:
        most = f" (those not compared: at most {percent(found.rest_at_most)})"
        lines.append(
            f"  {_percent(others + found.rest)}  {count_of(count, 'other candidate')} together"
            + (most if found.rest > 0 else "")
        )
    lines.append(f"  {_percent(found.absent)}  not in the gallery")
    return lines


def _percent(probability: float) -> str:
    return percent(probability).rjust(7)


def _printable_lines(text: str) -> str:
    return printable(" ".join(text.split()))
