"""Report: the outcome of an evaluation, in percent, with the queries behind the figures."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from passerby.process.json_files import read_object
from passerby.process.whole_files import write_whole


@dataclass(frozen=True)
class CameraPair:
    """Score of the queries of one camera against the gallery images of another, in percent.

    source: the data set; camera numbers of different sources are different cameras.
    """

    source: str
    query_camera: int
    gallery_camera: int
    queries: int
    rank1: float
    mean_average_precision: float

    def __str__(self) -> str:
        return (
            f"camera {self.query_camera} asks camera {self.gallery_camera} of {self.source}: "
            f"rank-1 {self.rank1:.2f}  mAP {self.mean_average_precision:.2f}  "
            f"({self.queries} queries)"
        )


@dataclass(frozen=True, eq=False)
class Report:
    """Scores of an evaluation, in percent, and those of each query behind them.

    Attributes:
        cmc: [top] percent of queries with a match within rank 1, 2, …
        mean_average_precision: mAP, percent.
        minp: mean inverse negative penalty, percent.
        queries: Q, how many were scored.
        left_out: queries without any match (or junk), which are not scored.
        gallery: images ranked, junk not counted.
        metric: what the distances were.
        camera_rule: whether the camera rule was kept.
        query_rows: [Q] rows of the query part.
        first_ranks: [Q] rank of the first match; with ties="mean" an expectation, which may lie
            between two ranks.
        average_precisions: [Q] in 0…1.
        inverse_negative_penalties: [Q] in 0…1.
        ties: how equal distances were ranked.
        tied_queries: scored queries with a match and another image at exactly one distance, whose
            score depends on their order.
        tie_spread: mAP with matches first in all ties less mAP with matches last, in percentage
            points; some ties are chance at any scale and have a spread near 0, a collapsed network
            has one near 100.
        average_precision: its rule.
        camera_pairs: scores of each camera against each other, where they were asked for.
        notes: what to know of the data and the run.
        query_persons: [Q] names of the queries' persons ("source/number", or the number alone).
        own_images: scored queries whose nearest match is their very own picture, by its file's
            hash or its vector: found for nothing.

    Examples:
        >>> from passerby.evaluation.evaluate import evaluate
        >>> from passerby.tables.embeddings import Embeddings
        >>> two = Embeddings([[1, 0], [0, 1]], persons=[7, 8], cameras=[1, 1])
        >>> found = Embeddings([[1, 0.1], [0.2, 1]], persons=[7, 8], cameras=[2, 2])
        >>> evaluate(two, found).figures()["rank1"]
        100.0
    """

    cmc: NDArray[np.float64]
    mean_average_precision: float
    minp: float
    queries: int
    left_out: int
    gallery: int
    metric: str
    camera_rule: bool
    query_rows: NDArray[np.int64]
    first_ranks: NDArray[np.int64] | NDArray[np.float64]
    average_precisions: NDArray[np.float64]
    inverse_negative_penalties: NDArray[np.float64]
    ties: str = "stable"
    tied_queries: int = 0
    tie_spread: float = 0.0
    average_precision: str = "mean"
    camera_pairs: tuple[CameraPair, ...] = ()
    notes: tuple[str, ...] = field(default=())
    query_persons: NDArray[np.str_] = field(default_factory=lambda: np.empty(0, np.str_))
    own_images: int = 0

    def rank(self, k: int) -> float:
        """Percent of queries with a match within rank k.

        With ties="mean" beyond the curve: of queries whose expected first rank is at most k.
        """
        if k < 1:
            raise ValueError(f"ranks start at 1, got {k}")
        if self.ties == "mean" and k <= len(self.cmc):
            return float(self.cmc[k - 1])
        return float(100 * np.mean(self.first_ranks <= k))

    @property
    def rank1(self) -> float:
        """Percent of queries whose nearest gallery image is a match."""
        return self.rank(1)

    @property
    def rank5(self) -> float:
        """Percent of queries with a match within rank 5."""
        return self.rank(5)

    @property
    def rank10(self) -> float:
        """Percent of queries with a match within rank 10."""
        return self.rank(10)

    def figures(self) -> dict[str, float]:
        """The scores in percent by name, rounded to two decimals."""
        return {
            "rank1": round(self.rank1, 2),
            "rank5": round(self.rank5, 2),
            "rank10": round(self.rank10, 2),
            "mean_average_precision": round(self.mean_average_precision, 2),
            "minp": round(self.minp, 2),
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """The report as JSON text, also written to ``path`` when given."""
        content = {
            **self.figures(),
            "queries": self.queries,
            "left_out": self.left_out,
            "gallery": self.gallery,
            "metric": self.metric,
            "camera_rule": self.camera_rule,
            "ties": self.ties,
            "tied_queries": self.tied_queries,
            "tie_spread": round(self.tie_spread, 4),
            "own_images": self.own_images,
            "average_precision": self.average_precision,
            "cmc": np.round(self.cmc, 4).tolist(),
            "notes": list(self.notes),
            "camera_pairs": [vars(pair) for pair in self.camera_pairs],
            "per_query": {
                "row": self.query_rows.tolist(),
                "person": self.query_persons.tolist(),
                "first_rank": self.first_ranks.tolist(),
                "average_precision": np.round(self.average_precisions, 6).tolist(),
                "inverse_negative_penalty": np.round(self.inverse_negative_penalties, 6).tolist(),
            },
        }
        text = json.dumps(content, indent=1)
        if path is not None:
            write_whole(Path(path), text + "\n")
        return text

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> Report:
        """Read what `to_json` wrote; scores of queries as precise as the file has them.

        Raises ValueError when the file is no report.
        """
        content = read_object(path, "a report")
        try:
            queries = content["per_query"]
            precisions = np.array(queries["average_precision"], np.float64)
            return cls(
                cmc=np.array(content["cmc"], np.float64),
                mean_average_precision=100 * float(np.mean(precisions)),
                minp=content["minp"],
                queries=content["queries"],
                left_out=content["left_out"],
                gallery=content["gallery"],
                metric=content["metric"],
                camera_rule=content["camera_rule"],
                query_rows=np.array(queries["row"], np.int64),
                first_ranks=np.array(queries["first_rank"]),
                average_precisions=precisions,
                inverse_negative_penalties=np.array(
                    queries["inverse_negative_penalty"], np.float64
                ),
                ties=content["ties"],
                tied_queries=content["tied_queries"],
                tie_spread=content["tie_spread"],
                own_images=content["own_images"],
                average_precision=content["average_precision"],
                camera_pairs=tuple(CameraPair(**pair) for pair in content["camera_pairs"]),
                notes=tuple(content["notes"]),
                query_persons=np.array(queries["person"], np.str_),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"{path} is not a report: expected what `passerby evaluate --json` writes ({error})"
            ) from None

    def to_text(self) -> str:
        """The scores, then a line for each camera pair where there are any."""
        return "\n".join(map(str, (self, *self.camera_pairs)))

    def __str__(self) -> str:
        left = f", {self.left_out} left out (no match)" if self.left_out else ""
        rule = "" if self.camera_rule else ", camera rule off"
        if self.average_precision != "mean":
            rule += f", AP by {self.average_precision}"
        if self.tie_spread >= 0.005:  # what two decimals show
            order = {"stable": "in gallery order", "mean": "as expected", "worst": "matches last"}
            rule += (
                f"; {self.tied_queries} queries have ties, ranked {order[self.ties]}: their order "
                f"moves the mAP by up to {self.tie_spread:.2f}"
            )
        if self.own_images:
            rule += (
                f"; {self.own_images} query images are in the gallery themselves (the same "
                "pictures) and are found for nothing"
            )
        return (
            f"rank-1 {self.rank1:.2f}  rank-5 {self.rank5:.2f}  rank-10 {self.rank10:.2f}  "
            f"mAP {self.mean_average_precision:.2f}  mINP {self.minp:.2f}  "
            f"({self.queries} queries{left}, {self.gallery} gallery images, {self.metric}{rule})"
        )


def pooled(reports: Sequence[Report]) -> Report:
    """The queries of several tests as one report: each query counts the same.

    Tests of other persons, such as the folds of a cross-validation, each with a gallery of its
    own; ``gallery`` is the sum. Query rows are numbered on from test to test. Raises ValueError
    for no report and for tests by different rules.
    """
    if not reports:
        raise ValueError("expected at least one report")
    for name in ("metric", "camera_rule", "ties", "average_precision"):
        if len({getattr(report, name) for report in reports}) > 1:
            raise ValueError(f"the reports are not by one rule: they differ in {name}")
    queries = np.array([report.queries for report in reports])
    starts = np.cumsum([0, *(report.queries + report.left_out for report in reports)])
    precisions = np.concatenate([report.average_precisions for report in reports])
    top = max(len(report.cmc) for report in reports)
    # A small gallery's curve is shorter, and stays where it ends.
    curves = [np.pad(report.cmc, (0, top - len(report.cmc)), mode="edge") for report in reports]
    return Report(
        cmc=np.average(curves, axis=0, weights=queries),
        mean_average_precision=100 * float(precisions.mean()),
        minp=float(np.average([report.minp for report in reports], weights=queries)),
        queries=int(queries.sum()),
        left_out=sum(report.left_out for report in reports),
        gallery=sum(report.gallery for report in reports),
        metric=reports[0].metric,
        camera_rule=reports[0].camera_rule,
        query_rows=np.concatenate(
            [start + report.query_rows for start, report in zip(starts, reports, strict=False)]
        ),
        first_ranks=np.concatenate([report.first_ranks for report in reports]),
        average_precisions=precisions,
        inverse_negative_penalties=np.concatenate(
            [report.inverse_negative_penalties for report in reports]
        ),
        ties=reports[0].ties,
        tied_queries=sum(report.tied_queries for report in reports),
        own_images=sum(report.own_images for report in reports),
        tie_spread=float(np.average([report.tie_spread for report in reports], weights=queries)),
        average_precision=reports[0].average_precision,
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        query_persons=np.concatenate([report.query_persons for report in reports]),
    )
