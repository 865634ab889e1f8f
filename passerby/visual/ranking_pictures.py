"""Ranked lists as pictures, after Fig. 6 of the paper.

The probe stands at the left; the first row is the ranked result, right ones boxed red and wrong
ones blue; the second row is the ground truth, nearest first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from passerby.evaluation.ranking.rankings import Ranking
from passerby.tables.embeddings import Embeddings
from passerby.visual.drawing import save_picture
from passerby.visual.picture_cells import Colours
from passerby.visual.ranking_sheet import Sheet


def draw_rankings(
    query: Embeddings,
    gallery: Embeddings,
    rankings: Sequence[Ranking],
    out: Path,
    *,
    colours: Colours = "paper",
    columns: int = 10,
    title: str = "",
    person_names: Mapping[int, str] | None = None,
    overview: int = 12,
) -> list[Path]:
    """Write ``query-00012.png`` for each ranking, and ``overview.png`` of the first of them.

    Args:
        query: Embeddings of the queries, with the names of their images.
        gallery: Embeddings of the gallery, likewise.
        rankings: What to draw, of `passerby.evaluation.ranking.rankings.rank`.
        out: Folder, made where it lacks.
        colours: "paper" has right ones red and wrong ones blue; "safe" also marks them.
        columns: Images in a row.
        title: Above each picture.
        person_names: Shown in place of person numbers.
        overview: Queries in the overview.

    Returns:
        The files written, the overview last.

    Raises:
        ValueError: There is no ranking, no column or no such style, or the embeddings do not name
            their images.

    Examples:
        ``draw_rankings(query, gallery, rank(query, gallery)[:12], Path("lists"))``
    """
    if not rankings:
        raise ValueError("there is no ranking to draw: choose at least one query")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for ranking in rankings:
        picture = draw_ranking(
            query,
            gallery,
            ranking,
            colours=colours,
            columns=columns,
            title=title,
            person_names=person_names,
        )
        written.append(out / f"query-{ranking.query:05d}.png")
        save_picture(picture, written[-1])
    sheet = draw_overview(
        query,
        gallery,
        rankings[:overview],
        colours=colours,
        columns=columns,
        title=title,
        person_names=person_names,
    )
    written.append(out / "overview.png")
    save_picture(sheet, written[-1])
    return written


def draw_ranking(
    query: Embeddings,
    gallery: Embeddings,
    ranking: Ranking,
    *,
    colours: Colours = "paper",
    columns: int = 10,
    title: str = "",
    person_names: Mapping[int, str] | None = None,
) -> Image.Image:
    """The picture of one query: probe, result row, ground-truth row, legend.

    person_names: shown in place of person numbers. Images that cannot be read become a grey cell.
    Raises ValueError for embeddings without image names, an unknown style or no column.
    """
    sheet = Sheet(
        query,
        gallery,
        colours=colours,
        columns=columns,
        title=title,
        person_names=person_names,
        rows=2,
    )
    sheet.probe(ranking)
    sheet.result(ranking)
    sheet.next_row()
    sheet.truth(ranking)
    sheet.next_row(empty=len(ranking.truth) == 0)
    return sheet.finish()


def draw_overview(
    query: Embeddings,
    gallery: Embeddings,
    rankings: Sequence[Ranking],
    *,
    colours: Colours = "paper",
    columns: int = 10,
    title: str = "",
    person_names: Mapping[int, str] | None = None,
) -> Image.Image:
    """Several queries in one picture: a row each of the probe and its result. Errors as above."""
    sheet = Sheet(
        query,
        gallery,
        colours=colours,
        columns=columns,
        title=title,
        person_names=person_names,
        rows=len(rankings),
    )
    for ranking in rankings:
        sheet.probe(ranking)
        sheet.result(ranking)
        sheet.next_row()
    return sheet.finish()


def describe(ranking: Ranking, columns: int = 10) -> str:
    """What the picture shows, as a sentence: for alternative texts and terminals."""
    if len(ranking.truth) == 0:
        return f"Query {ranking.query} has no match in the gallery."
    shown = ranking.correct[:columns]
    ranks = [str(rank) for rank, right in enumerate(shown, 1) if right]
    found = f"right at rank {', '.join(ranks)}" if ranks else "none right"
    matches = "1 match" if len(ranking.truth) == 1 else f"{len(ranking.truth)} matches"
    return f"Query {ranking.query}: of the first {len(shown)} results {found}; {matches} in all."
