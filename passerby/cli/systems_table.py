"""The table of systems: what each costs, and what is published of it."""

from __future__ import annotations

from dataclasses import asdict

from passerby.models.cost import cost_of
from passerby.publications import Publication, Score, publications
from passerby.registry import RECIPES, SYSTEMS

_SETS = {"market1501": "Market-1501", "dukemtmc": "DukeMTMC-reID", "msmt17": "MSMT17"}

_HEAD = """# Systems

Made by `passerby list systems`; what can be named in a recipe's `network.system` stands at the end.

Parameters are those of the network as it is tested, without classifiers. G multiply-adds (often
called GFLOPs in papers) are those of its convolutions and products for one image of the stated
height × width. Scores are rank-1 / mAP in percent, single query, not re-ranked, and all of them are
published ones: none was measured here. Where each is from, and what others measured of the same
system: [scores](systems-scores.md) (`passerby list scores`). DukeMTMC-reID was withdrawn by its
authors in 2019.
"""

_SCORES_HEAD = """# Published scores of systems

Made by `passerby list scores`: rank-1 / mAP in percent, single query, not re-ranked, and whose
word each is. Of several figures of one system and data set the first stands in the table of
[systems](systems.md).
"""


def systems_listing() -> str:
    """The table as Markdown: systems, notes, and names for recipes."""
    rows = [_row(one) for one in publications()]
    titles = ["system", "paper", "M parameters", "G multiply-adds", "input", *_published()]
    parts = [_HEAD, _markdown([*titles, "recipe"], rows)]
    notes = [f"- **{one.system}**: {one.note}" for one in publications() if one.note]
    parts += ["## Notes\n", "\n".join(notes) + "\n", "## For `network.system`\n"]
    named = [[f"`{name}`", *_described(name)] for name in SYSTEMS.names()]
    return "\n".join([*parts, _markdown(["name", "options", "what it is"], named)]).rstrip()


def scores_listing() -> str:
    """Every published score with its source, as Markdown."""
    sources = [line for one in publications() for line in _source_rows(one)]
    titles = ["system", "data set", "rank-1 / mAP, published", "source"]
    return "\n".join([_SCORES_HEAD, _markdown(titles, sources)]).rstrip()


def systems_listed() -> dict[str, object]:
    """The same for programs: publications with the cost of each, and names for recipes."""
    rows = [{**asdict(one), "cost": cost_of(RECIPES.build(one.recipe))} for one in publications()]
    return {
        "publications": rows,
        "systems": {name: SYSTEMS.describe(name) for name in SYSTEMS.names()},
    }


def _published() -> list[str]:
    return [f"{name}, published" for name in _SETS.values()]


def _row(one: Publication) -> list[str]:
    recipe = RECIPES.build(one.recipe)
    cost = cost_of(recipe)
    shown = {score.data: score for score in reversed(one.scores)}
    return [
        one.system,
        f"[{one.paper}]({one.link})" if one.link else one.paper,
        f"{cost.parameters / 1e6:.1f}",
        f"{cost.multiplications / 1e9:.2f}",
        f"{recipe.input.height} × {recipe.input.width}",
        *(_figures(shown[name]) if name in shown else "–" for name in _SETS),
        f"`{one.recipe}`",
    ]


def _source_rows(one: Publication) -> list[list[str]]:
    return [[one.system, _SETS[score.data], _figures(score), score.source] for score in one.scores]


def _figures(score: Score) -> str:
    return f"{score.rank1:g} / {score.mean_average_precision:g}"


def _described(name: str) -> tuple[str, str]:
    found = SYSTEMS.describe(name)
    return f"`{found.options}`" if found.options else "", found.summary


def _markdown(titles: list[str], rows: list[list[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
