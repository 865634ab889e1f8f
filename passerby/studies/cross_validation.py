"""Cross-validation: compare recipes by persons held out of train, before a test part is touched."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from passerby.assessment.score import Scoring, score_model
from passerby.config import Recipe
from passerby.data.holdout import HoldOut, folds, without_source
from passerby.data.reading.joining import persons_in_train
from passerby.embedding.embedder import load
from passerby.evaluation.bootstrap import bootstrap_report
from passerby.evaluation.report import Report, pooled
from passerby.process.reporting import say
from passerby.process.whole_files import write_whole
from passerby.tables.records import Split
from passerby.training.loop import train


@dataclass(frozen=True)
class CrossValidation:
    """report: of all held-out queries together; parts: of each fold or source apart, by name."""

    report: Report
    parts: dict[str, Report]

    def to_json(self) -> str:
        """The reports as JSON: ``report``, of all together, and ``parts`` by name."""
        reports = {name: json.loads(report.to_json()) for name, report in self.parts.items()}
        return json.dumps({"report": json.loads(self.report.to_json()), "parts": reports}, indent=1)

    def __str__(self) -> str:
        lines = [f"{name}: {bootstrap_report(report)}" for name, report in self.parts.items()]
        return "\n".join([*lines, f"together: {bootstrap_report(self.report)}", str(self.report)])


def cross_validate(
    recipe: Recipe,
    split: Split,
    out: str | os.PathLike[str],
    *,
    by: Literal["persons", "sources"] = "persons",
    count: int = 5,
    only: Sequence[str] = (),
    seed: int = 0,
    device: str | None = None,
    workers: int | None = None,
    cache: int | str = 0,
) -> CrossValidation:
    """Train ``count`` times, each time without a part of the train persons, and test on those.

    ``only``: persons of these sources alone are held out, those of others always train. The test
    parts of the split are never looked at, except by ``by="sources"``, which leaves out one source
    after another and tests on all persons of it. A gallery holds the persons of one source. Each
    fold is a run in its own folder of ``out`` and the pooled report stands in ``out/report.json``;
    interrupted, it goes on when called again.
    """
    out = Path(out)
    held = _held(split, by, count, only, seed)
    parts: dict[str, Report] = {}
    for name, fold in held.items():
        say(f"\n{name}: {len(fold.persons)} persons held out", bold=True)
        run = out / name
        train(
            recipe,
            Split(f"{split.source} less {name}", train=fold.train),
            run,
            seed=seed,
            resume=True,
            device=device,
            workers=workers,
            cache=cache,
        )
        parts[name] = _tested(run, fold, device)
        say(f"{name}: {parts[name]}")
    together = pooled(list(parts.values()))
    write_whole(out / "report.json", together.to_json() + "\n")
    return CrossValidation(together, parts)


def _held(split: Split, by: str, count: int, only: Sequence[str], seed: int) -> dict[str, HoldOut]:
    if by == "persons":
        made = folds(persons_in_train(split), count, seed, only)
        return {f"fold{number}": fold for number, fold in enumerate(made)}
    sources = only or tuple(dict.fromkeys(record.source for record in split.train))
    return {source: without_source(split, source, seed) for source in sources}


def _tested(run: Path, fold: HoldOut, device: str | None) -> Report:
    path = run / "held-out.json"
    if path.is_file():
        return Report.from_json(path)
    embedder = load(run, device=device)
    reports = [
        score_model(embedder, test, Scoring(camera_rule=test.has_cameras)) for test in fold.tests
    ]
    report = replace(pooled(reports), notes=())
    write_whole(path, report.to_json() + "\n")
    return report
