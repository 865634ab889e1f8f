"""The story of ``passerby explain``: from a model and images to a sheet, charts and a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from passerby.assessment.score import embed_test_parts
from passerby.data.images import UnreadableImage, decode
from passerby.embedding.embedder import Embedder
from passerby.evaluation.ranking.rankings import Ranking, rank
from passerby.explanation.planes import Layout
from passerby.explanation.subject import Subject
from passerby.process.reporting import progress, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import write_whole
from passerby.tables.records import Split
from passerby.visual.drawing import PAPER, save_picture
from passerby.visual.explain.match_sheet import match_sheet
from passerby.visual.explain.model_maps import draw_maps
from passerby.visual.explain.model_matches import Found, explained_matches
from passerby.visual.explain.model_parts import draw_parts
from passerby.visual.explain.model_scores import Scored, embeddings_chart, scored, scores_chart
from passerby.visual.model_rankings import choose_queries
from passerby.visual.report_page import Method, Page, Picture, Section, write_report
from passerby.visual.svg.charts import cmc_chart
from passerby.visual.svg.verification_charts import roc_chart

_MAPS = (
    "Dark to bright, over the image in grey. Grad-CAM: what makes the image's vector long, from 0. "
    "Attention: what its modules weigh, from the least to the greatest weight of the map, which "
    "stand below it (a gate's from 0 to 1, of other attention 1 is the mean); changed says how "
    "much of what leaves the module is not what entered it times one factor."
)
_MATCHES = (
    "The cosine of two vectors divided among the positions of each image, on one scale: orange "
    "makes the two similar, blue speaks against it. Where the sheet says roughly, what divides and "
    "what weighs behind the last maps (lengths, attention, gates) is held as it is. Where most of "
    "the cosine has no place, Grad-CAM of it is drawn instead, dark to bright."
)
_PARTS = (
    "Where the model sees each part of the body, dark (0) to bright (1), and below it how visible "
    "the part is to it: by so much its vector counts."
)
_PLANE = "Vectors of queries and gallery on a plane; in colour the persons with most images."


@dataclass(frozen=True, eq=False)
class Explained:
    """pictures and charts (SVG) by the names of their files, without the ending."""

    title: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    charts: Mapping[str, str] = field(default_factory=dict)
    methods: Sequence[Method] = ()
    notes: Sequence[str] = ()


def explain_images(subject: Subject, files: Sequence[str], title: str) -> Explained:
    """Maps of each image, and of the first one with each other.

    Images that cannot be read are named in the notes. Raises ValueError where none can be read.
    """
    notes, names, images = [], [], []
    for file in files:
        try:
            images.append(decode(file))
            names.append(Path(file).name)
        except UnreadableImage as error:
            notes.append(f"set aside: {error}")
    if not images:
        raise ValueError(f"none of {count_of(len(files), 'image')} can be read; {notes[0]}")
    with progress("explaining") as advance:
        sheet, said = draw_maps(subject, images, names)
        advance(1, 2)
        pictures = {"maps": _maps_picture(sheet, names), **_parts(subject, images, names)}
        if len(images) > 1:
            others = [(image, name, None) for image, name in zip(images, names, strict=True)][1:]
            rows = explained_matches(subject, [Found(images[0], names[0], others)])
            pictures["matches"] = _matches_picture(match_sheet(rows), names[:1])
        advance(2, 2)
    return Explained(title, pictures, notes=[*notes, *said])


@dataclass(frozen=True)
class Choice:
    """How much is drawn of a data set: queries by seed, matches of each, the plane of vectors."""

    queries: int = 6
    matches: int = 3
    layout: Layout = "pca"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.queries < 1 or self.matches < 1:
            raise ValueError(
                f"expected one query and one match at least, got {self.queries} and {self.matches}"
            )


def explain_data(
    subject: Subject,
    models: Mapping[str, Embedder],
    split: Split,
    title: str,
    choice: Choice = Choice(),
) -> Explained:
    """Maps and matches of some queries of the first model, and the scores of all.

    models: by name, first the one of ``subject``. Raises ValueError where the split has no query or
    no gallery, and as `passerby.evaluate`.
    """
    rule = split.has_cameras
    results: list[Scored] = []
    notes: list[str] = []
    for name, embedder in models.items():
        query, gallery, aside = embed_test_parts(embedder.embed, split)
        notes += [note for note in aside if note not in notes]
        results.append(scored(name, query, gallery, rule))
        say(f"{name}: {results[-1].report}")
    explained = explain_scored(subject, results, split, choice)
    return replace(explained, title=title, notes=[*notes, *explained.notes])


def explain_scored(
    subject: Subject, results: Sequence[Scored], split: Split, choice: Choice = Choice()
) -> Explained:
    """Maps and matches of some queries of the first result's model, and the scores of all.

    results: of the split, first those of ``subject``; the title is empty.
    """
    rule = split.has_cameras
    first = results[0]
    chosen = choose_queries(len(first.query), choice.queries, choice.seed)
    rankings = rank(first.query, first.gallery, choice.matches, queries=chosen, camera_rule=rule)
    with progress("explaining") as advance:
        images, names = _of_queries(first, rankings, split)
        sheet, said = draw_maps(subject, images, names)
        advance(1, 2)
        found = [
            Found(image, name, _results(first, ranking, split))
            for image, name, ranking in zip(images, names, rankings, strict=True)
        ]
        rows = explained_matches(subject, found)
        advance(2, 2)
    pictures = {"maps": _maps_picture(sheet, names), **_parts(subject, images, names)}
    if rows:
        pictures["matches"] = _matches_picture(match_sheet(rows), names)
    charts = {"embeddings": embeddings_chart(first, split, choice.layout, choice.seed)}
    for number, one in enumerate(results):
        charts[f"scores-{number + 1}" if number else "scores"] = scores_chart(one, rule)
    charts["cmc"] = cmc_chart({one.name: one.report.cmc for one in results})
    charts["roc"] = roc_chart({one.name: one.verification for one in results})
    methods = [Method(one.name, one.report) for one in results]
    return Explained("", pictures, charts, methods, said)


def write_explained(explained: Explained, out: str | os.PathLike[str]) -> list[Path]:
    """Write the page (.html), one picture of all sheets (.png, .jpg), or a folder of all files.

    The page is first in a folder's files. Raises ValueError for another ending.
    """
    target = Path(out)
    ending = require_explained_name(target)
    if ending == ".html":
        return [write_report(target, _page(explained))]
    if ending:
        sheets = [picture.image for picture in explained.pictures.values()]
        return [save_picture(_below_each_other(sheets), target)]
    target.mkdir(parents=True, exist_ok=True)
    files = [write_report(target / "explained.html", _page(explained))]
    for name, picture in explained.pictures.items():
        files.append(save_picture(picture.image, target / f"{name}.png"))
    for name, chart in explained.charts.items():
        files.append(target / f"{name}.svg")
        write_whole(files[-1], chart + "\n")
    return files


def require_explained_name(target: Path) -> str:
    """The ending in small letters, "" of a folder; ValueError where nothing can be written so."""
    ending = "" if target.is_dir() else target.suffix.lower()
    if ending not in ("", ".html", ".png", ".jpg", ".jpeg"):
        raise ValueError(
            f"expected a folder, a page (.html) or a picture (.png, .jpg) to write, got {target}"
        )
    return ending


def explained_sections(explained: Explained) -> list[Section]:
    """Parts of a page: maps, matches, where the vectors lie, scores of pairs."""
    sections = []
    for name, heading, text in (
        ("maps", "Where the model looks", _MAPS),
        ("parts", "Parts of the body", _PARTS),
        ("matches", "What made the matches", _MATCHES),
    ):
        if name in explained.pictures:
            sections.append(Section(heading, text, pictures=[explained.pictures[name]]))
    charts = explained.charts
    if "embeddings" in charts:
        sections.append(Section("Map of embeddings", _PLANE, charts=[charts["embeddings"]]))
    curves = [chart for name, chart in charts.items() if name.startswith("scores") or name == "roc"]
    if curves:  # CMC curves stand with the results
        sections.append(Section("Same and different persons", charts=curves))
    return sections


def _page(explained: Explained) -> Page:
    return Page(
        explained.title,
        methods=explained.methods,
        sections=explained_sections(explained),
        notes=explained.notes,
    )


def _of_queries(
    one: Scored, rankings: Sequence[Ranking], split: Split
) -> tuple[list[NDArray[np.uint8]], list[str]]:
    assert one.query.images is not None
    rows = [ranking.query for ranking in rankings]
    images = [decode(str(one.query.images[row])) for row in rows]
    return images, [_person(int(one.query.persons[row]), split) for row in rows]


def _results(
    one: Scored, ranking: Ranking, split: Split
) -> list[tuple[NDArray[np.uint8], str, bool | None]]:
    assert one.gallery.images is not None
    return [
        (
            decode(str(one.gallery.images[row])),
            f"{number} · {_person(int(one.gallery.persons[row]), split)}",
            bool(right),
        )
        for number, (row, right) in enumerate(
            zip(ranking.shown.tolist(), ranking.correct, strict=True), 1
        )
    ]


def _person(person: int, split: Split) -> str:
    if person == split.distractor:
        return "distractor"
    return split.person_names.get(person) or f"person {person}"


def _maps_picture(sheet: Image.Image, names: Sequence[str]) -> Picture:
    shown = ", ".join(names)
    return Picture(sheet, "A row an image, a column a map.", f"Maps over images of {shown}.")


def _parts(
    subject: Subject, images: Sequence[NDArray[np.uint8]], names: Sequence[str]
) -> dict[str, Picture]:
    """The sheet of parts, of a model that has such maps."""
    sheet = draw_parts(subject, images, names)
    if sheet is None:
        return {}
    shown = ", ".join(names)
    caption = "A row an image, a column a part of the body."
    return {"parts": Picture(sheet, caption, f"Parts of the body in images of {shown}.")}


def _matches_picture(sheet: Image.Image, names: Sequence[str]) -> Picture:
    shown = ", ".join(names)
    caption = "Frames, where persons are known: red is the same person, blue another one."
    return Picture(sheet, caption, f"Regions of the matches of {shown}.")


def _below_each_other(sheets: Sequence[Image.Image]) -> Image.Image:
    width = max(sheet.width for sheet in sheets)
    whole = Image.new("RGB", (width, sum(sheet.height for sheet in sheets)), PAPER)
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole
