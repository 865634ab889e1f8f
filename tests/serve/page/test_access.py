"""By keyboard alone, by screen reader (axe), on a phone."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from tests.serve.page.conftest import LOADED, focused, tab_to

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.serve.page.conftest import Site

expect = pytest.importorskip("playwright.sync_api", reason="playwright is absent").expect


@pytest.fixture(scope="module")
def site(lasting_site: Site) -> Site:
    """Nothing here changes it."""
    return lasting_site


PHONE = {"width": 360, "height": 740}
VIEWS = (
    "search", "people", "person?name=Boris", "review", "visitors", "alerts", "overview",
    "decisions", "forget",
)  # fmt: skip


@pytest.fixture(scope="session")
def axe() -> str:
    """The rules that it holds a page against."""
    carrier = pytest.importorskip("axe_playwright_python", reason="axe is absent")
    return files(carrier).joinpath("axe.min.js").read_text()


def found_by(axe: str, page: Page) -> list[str]:
    page.evaluate(axe)
    answer = page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
        " 'best-practice']})"
    )
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}"
        for one in answer["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(open_page, crop, axe, site, colours):
    page = open_page(color_scheme=colours)
    page.set_input_files("#file", crop(1))
    expect(page.locator(".found .card")).to_have_count(12)
    page.locator(".found input[type=checkbox]").first.check()
    assert found_by(axe, page) == []
    page.get_by_role("button", name="Name…").first.click()
    assert found_by(axe, page) == []
    page.keyboard.press("Escape")
    for view in VIEWS[1:]:
        page.goto(f"{site.address}/#/{view}")
        page.reload()  # or the view before would answer for it
        page.wait_for_selector(LOADED)
        if view == "visitors":
            page.get_by_role("button", name="Count").click()
            page.wait_for_selector(".chart svg")
        assert found_by(axe, page) == [], view
    page.set_input_files("#forget-file", crop(2))
    page.get_by_role("button", name="Show what is kept").click()
    page.wait_for_selector(".pick")
    assert found_by(axe, page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_all_of_a_view(open_page, view):
    page = open_page(view, viewport=PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_first_tab_skips_to_the_content(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the content"
    page.keyboard.press("Enter")
    assert focused(page).startswith("Who is this?")


def test_results_are_walked_through_by_arrow_keys(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(1))
    expect(page.locator(".found .card")).to_have_count(12)
    page.locator("#file").focus()
    tab_to(page, "1: ")
    page.keyboard.press("ArrowDown")
    assert focused(page).startswith("2: ")
    page.keyboard.press("End")
    assert focused(page).startswith("12: ")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator(".chosen")).to_contain_text("1 passage selected")
    page.keyboard.press("Enter")
    expect(page.locator(".asked")).to_contain_text("A sighting of this gallery")


def test_a_box_is_drawn_by_keys(open_page, scene):
    path, (left, top, _, bottom) = scene
    page = open_page()
    page.set_input_files("#file", path)
    page.get_by_role("button", name="Draw a box with the keys").focus()
    page.keyboard.press("Enter")
    assert "arrow keys" in focused(page)
    for _ in range(round((left / 640 - 0.4) / 0.01)):
        page.keyboard.press("ArrowRight")
    for _ in range(round((bottom - top) / 360 / 0.01) - 60):
        page.keyboard.press("Shift+ArrowDown")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator(".found .card").first).to_contain_text("Boris")
