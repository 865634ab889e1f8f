"""What a run is scored on: held-out persons, data sets that are only watched, its test parts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from passerby.assessment.score import Scoring, score_model
from passerby.data.reading.joining import file_name, require_distinct_names
from passerby.embedding.embedder import Embedder, load
from passerby.evaluation.report import Report
from passerby.process.reporting import Silent, reporting_to, say
from passerby.process.whole_files import write_whole
from passerby.tables.records import Split, persons_of

_IDENTITY = "test_part"
"""Key of a report's file: the fingerprint of the test part that it is of."""

Scores = Mapping[str, Mapping[str, float]]
"""Figures in percent by the name of what was scored on."""


def score_each(embedder: Embedder, splits: Sequence[Split]) -> dict[str, dict[str, float]]:
    """Figures on each split's own query and gallery, by its source, without a word."""
    with reporting_to(Silent()):
        return {
            split.source: score_model(
                embedder, split, Scoring(camera_rule=split.has_cameras)
            ).figures()
            for split in splits
        }


def mean_scores(scores: Scores) -> dict[str, float]:
    """The mean figures over sources, each counting the same; {} of none."""
    figures = list(scores.values())
    if len(figures) < 2:
        return dict(figures[0]) if figures else {}
    return {name: round(sum(one[name] for one in figures) / len(figures), 2) for name in figures[0]}


def score_test_parts(out: Path, split: Split, device: str) -> dict[str, Report]:
    """Score the model in ``out`` once on the test parts of each source that has them.

    Written to ``report.json``, of several joined sets to ``report-NAME.json`` each, with the
    identity of the test part; a report of this very part that is there already is read instead.
    """
    reports: dict[str, Report] = {}
    embedder = None
    for part in split.joined or (split,):
        if not (part.query and part.gallery):
            continue
        path = out / (f"report-{file_name(part.source)}.json" if split.joined else "report.json")
        report = _stored_report(path, part)
        if report is None:
            if path.exists():
                say(f"{path} is of another test part: scored anew, and replaced")
            embedder = embedder or load(out, device=device)
            report = score_model(embedder, part, Scoring(camera_rule=part.has_cameras))
            content = json.loads(report.to_json()) | {_IDENTITY: part.test_fingerprint}
            write_whole(path, json.dumps(content, indent=1) + "\n")
        reports[part.source] = report
        name = f"test on {part.source}" if split.joined else "test"
        say(f"{name}: {report}")
    return reports


def check_watched(watched: Sequence[Split], split: Split) -> list[str]:
    """What to tell of data sets that are evaluated on while a run lasts.

    Raises ValueError for one without test parts and for two of one name.
    """
    require_distinct_names(watched)
    notes = []
    trained = {r.person_key for r in split.train}
    for other in watched:
        if not (other.query and other.gallery):
            raise ValueError(
                f"{other.source} has no query and gallery parts to evaluate on "
                f"(parts: {', '.join(other.parts) or 'none'})"
            )
        notes.append(f"evaluated on {other.source} as well, to watch and not to choose")
        both = {p for p in persons_of(other.query) if (other.source, p) in trained}
        if both and not other.separate_namespaces:
            notes.append(f"look: {len(both)} of its persons are trained on: its scores flatter")
    return notes


def _stored_report(path: Path, split: Split) -> Report | None:
    """The report of a run that was finished before, if it is of this test part."""
    if not path.exists():
        return None
    report = Report.from_json(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    return report if content.get(_IDENTITY) == split.test_fingerprint else None
