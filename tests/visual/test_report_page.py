"""The report page: whole, escaped, self-contained."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from passerby.evaluation.bootstrap import bootstrap_report
from passerby.evaluation.evaluate import evaluate, evaluate_camera_pairs
from passerby.evaluation.report import Report
from passerby.tables.embeddings import Embeddings
from passerby.visual.report_page import (
    Method,
    Page,
    Picture,
    render_report,
    write_report,
)

HOSTILE = '<script>alert("x")</script><img src=http://evil.example/x.png onerror=alert(1)>\'"&'
VOID = {"meta", "link", "img", "br", "input", "hr"}


class Parsed(HTMLParser):
    """Tags, attributes and text of a page; fails when a tag is not closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report() -> Report:
    rng = np.random.default_rng(0)
    persons = np.arange(40) % 10
    query = Embeddings(rng.normal(size=(40, 4)), persons, np.arange(40) % 3)
    gallery = Embeddings(rng.normal(size=(40, 4)), persons, (np.arange(40) + 1) % 3)
    pairs = evaluate_camera_pairs(query, gallery)
    return dataclasses.replace(evaluate(query, gallery), camera_pairs=pairs)


def epochs(count: int = 4) -> list[dict[str, Any]]:
    return [
        {
            "epoch": epoch,
            "losses": {"cross_entropy": 5.0 / epoch, "triplet": math.nan if epoch == 2 else 1.0},
            "images_per_second": 100.0 + epoch,
            "rate": 3.5e-4,
            "validation": {"rank1": 20.0 * epoch, "queries": 30} if epoch % 2 else None,
        }
        for epoch in range(1, count + 1)
    ]


def full_page(report: Report, text: str = "plain") -> Page:
    return Page(
        title=text,
        introduction=text,
        methods=[Method(text, report, note=text), Method("other", report)],
        headline=text,
        epochs=epochs(),
        pictures=[Picture(Image.new("RGB", (40, 30)), caption=text, description=text)],
        facts={text: text, "seed": "1"},
        notes=[text],
        next_steps=[(text, text)],
    )


@pytest.mark.parametrize("text", ["plain", HOSTILE])
def test_asks_nothing_of_the_network_and_runs_nothing(report: Report, text: str) -> None:
    parsed = Parsed(render_report(full_page(report, text)))
    for tag, name, value in parsed.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href", "action", "data", "srcset", "poster"):
            assert value.startswith(("data:", "#")), (tag, name, value[:60])
        if name == "style":
            assert "url(" not in value
    assert parsed.tags["script"] == 0
    assert parsed.tags["iframe"] == 0
    assert parsed.tags["img"] == 1
    assert parsed.tags["link"] == 1
    assert parsed.text.count(text) >= 8


def test_style_sheet_loads_nothing(report: Report) -> None:
    page = render_report(full_page(report))
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


def test_charts_are_well_formed(report: Report) -> None:
    page = render_report(full_page(report, HOSTILE))
    charts = [part.split("</svg>")[0] + "</svg>" for part in page.split("<svg")[1:]]
    # bars, CMC; two losses, validation, rate; camera pairs of two methods
    assert len(charts) == 8
    for chart in charts:
        ElementTree.fromstring("<svg" + chart)


def test_figures_and_training_are_told(report: Report) -> None:
    text = Parsed(render_report(full_page(report))).text
    assert f"{report.rank1:.1f}" in text
    assert f"{report.mean_average_precision:.1f}" in text
    assert "cross entropy" in text
    assert "1 point not finite, not drawn" in text
    assert "Median speed: 103 images/s." in text
    assert "mAP (mean average precision)" in text
    assert "On held-out persons" in text


def test_parts_that_are_empty_do_not_appear() -> None:
    parsed = Parsed(render_report(Page("Only a title")))
    assert "Only a title" in parsed.text
    assert parsed.tags["svg"] == 0
    for heading in ("Results", "Training", "Ranked lists", "Camera pairs", "Notes", "Next steps"):
        assert heading not in parsed.text


@pytest.mark.parametrize(
    "rows",
    [
        [{"epoch": 1}],
        [{"epoch": 1, "losses": {}, "validation": {}}],
        [{"epoch": 1, "losses": {"triplet": math.nan}, "rate": None}],
        epochs(1),
    ],
)
def test_rows_may_lack_anything_but_the_epoch(rows: list[dict[str, Any]]) -> None:
    parsed = Parsed(render_report(Page("t", epochs=rows)))
    assert ("Training" in parsed.text) == (parsed.tags["svg"] > 0)


def test_each_term_of_the_loss_has_axes_of_its_own(report: Report) -> None:
    text = Parsed(render_report(full_page(report))).text
    assert "Loss: cross entropy" in text
    assert "Loss: triplet" in text


def test_the_reader_switches_to_safe_colours() -> None:
    """Red stands for right in the paper, against habit: it is said, and another set is at hand."""
    image = Image.new("RGB", (4, 4))
    both = Page("t", pictures=[Picture(image, "c", "d", safe=image)])
    parsed = Parsed(render_report(both))
    assert "red boxes are right" in parsed.text
    assert parsed.tags["img"] == 2
    assert ("label", "for", "safe-colours") in parsed.attributes
    assert ("input", "id", "safe-colours") in parsed.attributes
    without = Parsed(render_report(Page("t", pictures=[Picture(image, "c", "d")])))
    assert without.tags["input"] == 0


def test_methods_of_one_name_keep_their_curves(report: Report) -> None:
    text = Parsed(render_report(Page("t", methods=[Method("a", report)] * 2))).text
    assert "a (1)" in text
    assert "a (2)" in text


def test_the_best_of_each_column_is_marked(report: Report) -> None:
    worse = dataclasses.replace(report, first_ranks=report.first_ranks + 99, minp=0.0)
    page = render_report(Page("t", methods=[Method("worse", worse), Method("better", report)]))
    rows = page.split("<tr>")[2:]
    assert rows[1].count('class="best"') == 5
    assert rows[0].count('class="best"') == 1  # the same mAP


def test_headline_must_be_a_method(report: Report) -> None:
    with pytest.raises(ValueError, match="headline 'b' is none of the methods: 'a'"):
        render_report(Page("t", methods=[Method("a", report)], headline="b"))


def test_writes_one_file(report: Report, tmp_path: Path) -> None:
    path = write_report(
        tmp_path / "new" / "report.html", full_page(report, "n\u00e9 \ud800 $title")
    )
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]
    text = path.read_text(encoding="utf-8")
    assert "n\u00e9 ? $title" in text
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")


def test_intervals_are_of_the_bootstrap_over_persons(report: Report) -> None:
    """A report that does not know its persons gets none, rather than one over queries."""
    interval = bootstrap_report(report).rank1.interval
    shown = f"<small>{interval.low:.0f}–{interval.high:.0f}</small>"
    old = dataclasses.replace(report, query_persons=np.empty(0, np.str_))
    assert shown in render_report(Page("x", "x", [Method("x", report)]))
    assert shown not in render_report(Page("x", "x", [Method("x", old)]))
