"""People decide: name, rename, merge, split, set aside, answer, delete; and take it back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from passerby.synthesis.figures import photo
from tests.serve.conftest import HOSTILE, MORNING, SEED

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.serve.page.conftest import Site

expect = pytest.importorskip("playwright.sync_api", reason="playwright is absent").expect


def person(name: str) -> str:
    return f"person?{urlencode({'name': name})}"


def names(site: Site) -> dict[str, int]:
    with site.gallery() as gallery:
        return dict(gallery.show().persons)


def undo(page: Page) -> None:
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("is undone")


def test_a_found_passage_is_named_and_that_is_undone(open_page, site, crop):
    page = open_page()
    page.set_input_files("#file", crop(6))
    expect(page.locator(".found .card")).to_have_count(12)
    expect(page.locator(".verdict")).to_contain_text("somebody in the gallery who is not named")
    page.locator(".found .card").first.get_by_role("button", name="Name…").click()
    page.get_by_role("dialog").get_by_label("Name").fill("<script>alert(1)</script>")
    page.keyboard.press("Enter")
    expect(page.locator(".found .card").first).to_contain_text("<script>alert(1)</script>")
    assert names(site)["<script>alert(1)</script>"] == 1
    undo(page)
    expect(page.locator(".found .card").first).to_contain_text("not named")
    assert "<script>alert(1)</script>" not in names(site)


def test_people_are_searched_and_two_of_them_made_one_and_two_again(open_page, site):
    page = open_page("people")
    expect(page.locator(".people .card")).to_have_count(4)
    assert page.locator("img[src=x]").count() == 0
    page.get_by_label("Part of a name").fill("LINKED")
    expect(page.locator(".people .card")).to_have_count(2)
    for box in page.locator(".people input").all():
        box.check()
    page.get_by_role("button", name="They are one person…").click()
    page.get_by_role("dialog").get_by_label("linked/4").check()
    page.get_by_role("button", name="Make them one").click()
    expect(page.locator(".people .card")).to_have_count(1)
    assert names(site)["linked/4"] == 6
    undo(page)
    expect(page.locator(".people .card")).to_have_count(2)
    assert names(site)["linked/3"] == names(site)["linked/4"] == 3


def test_a_person_has_lanes_and_passages_and_another_name(open_page, site):
    page = open_page(person(HOSTILE))
    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator(".stays .card")).to_have_count(3)
    assert page.locator(".chart .block").count() == 3
    assert "<b>Hall</b>" in page.locator(".chart").inner_text()
    page.get_by_role("button", name="Rename…").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Anne")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.locator("h1")).to_have_text("Anne")
    assert names(site)["Anne"] == 3
    undo(page)
    expect(page.locator("h1")).to_have_text(HOSTILE)


def test_passages_are_split_off_and_the_ledger_takes_it_back(open_page, site):
    page = open_page(person("Boris"))
    page.locator(".stays input").last.check()
    page.get_by_role("button", name="Split off…").click()
    page.get_by_role("dialog").get_by_role("button", name="Split off").click()
    expect(page.locator(".stays .card")).to_have_count(2)
    assert names(site)["Boris"] == 2
    page.goto(f"{site.address}/#/decisions")
    expect(page.locator(".ledger li")).to_have_count(1)
    page.locator(".ledger").get_by_role("button", name="Undo").click()
    expect(page.locator(".ledger li")).to_have_count(2)
    expect(page.locator(".ledger")).to_contain_text("undone by 2")
    assert names(site)["Boris"] == 3


def test_a_decision_that_others_stand_on_says_which_to_undo_first(open_page, site):
    with site.gallery() as gallery:
        gallery.ledger.rename("Boris", "Bo")
        gallery.ledger.rename("Bo", "Bob")
    page = open_page("decisions")
    page.locator(".ledger li").last.get_by_role("button", name="Undo").click()
    expect(page.locator(".ledger .problem")).to_contain_text("2")
    assert names(site)["Bob"] == 3


def test_what_shows_no_person_is_set_aside(open_page, site):
    page = open_page(person("linked/3"))
    page.get_by_role("button", name="Not a person…").click()
    page.get_by_role("dialog").get_by_role("button", name="Not a person").click()
    expect(page.locator(".people .card")).to_have_count(3)
    undo(page)
    expect(page.locator(".people .card")).to_have_count(4)


def test_deleting_asks_for_the_count(open_page, site):
    page = open_page(person("Boris"))
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type 3 to confirm").fill("4")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.locator(".problem")).to_contain_text("Nothing was deleted")
    assert names(site)["Boris"] == 3
    dialog.get_by_label("Type 3 to confirm").fill("3")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".people .card")).to_have_count(3)
    assert "Boris" not in names(site)


def test_ten_questions_are_answered_by_keys(open_page, site):
    page = open_page("review")
    expect(page.locator(".progress")).to_contain_text("Question 1 of 10")
    page.keyboard.press("3")
    expect(page.locator(".progress")).to_contain_text("Question 2 of 10")
    page.keyboard.press("u")
    expect(page.locator(".progress")).to_contain_text("Question 1 of 10")
    for number in range(10):
        expect(page.locator(".progress")).to_contain_text(f"Question {number + 1} of 10")
        page.keyboard.press("3")
    expect(page.locator(".review h2")).to_have_text("10 questions are answered")
    expect(page.locator(".review")).to_contain_text("not calibrated yet")
    with site.gallery() as gallery:
        assert sum(event.in_force for event in gallery.ledger.events()) == 10
    page.get_by_label("Keys: 1 same").uncheck()
    page.keyboard.press("u")
    page.get_by_role("button", name="Ten more").click()


def test_two_people_at_once(open_page, site):
    one, other = open_page(person("Boris")), open_page(person("Boris"))
    one.get_by_role("button", name="Rename…").click()
    one.get_by_role("dialog").get_by_label("Name").fill("Bob")
    one.get_by_role("button", name="Rename", exact=True).click()
    expect(one.locator("h1")).to_have_text("Bob")
    other.get_by_role("button", name="Rename…").click()
    other.get_by_role("dialog").get_by_label("Name").fill("Bert")
    other.get_by_role("button", name="Rename", exact=True).click()
    expect(other.get_by_role("dialog").locator(".problem")).to_contain_text("Boris")
    other.keyboard.press("Escape")
    other.reload()
    expect(other.locator("main")).to_contain_text("Nobody has this name")
    assert names(site)["Bob"] == 3


def test_visitors_are_counted_with_their_interval(open_page):
    page = open_page("visitors")
    expect(page.get_by_label("Day", exact=True)).to_have_value("2026-05-01")
    page.get_by_role("button", name="Count").click()
    expect(page.locator(".big")).to_contain_text("different persons (95 %: between")
    assert page.locator(".chart .bar").count() >= 3
    page.get_by_label("For each").select_option("camera")
    page.get_by_role("button", name="Count").click()
    expect(page.locator(".chart").first).to_contain_text("<b>Hall</b>")


def test_what_is_decided_of_a_passage_holds_for_all_its_sightings(open_page, site, crop):
    begin = MORNING + timedelta(hours=5)
    with site.gallery() as gallery:
        gallery.add(
            [photo(SEED, 20, 2, moment) for moment in range(3)],
            camera="Yard",
            time=[begin + timedelta(seconds=second) for second in range(3)],
            tracklet=7,
            keep_thumbnails=True,
        )
    page = open_page()
    page.set_input_files("#file", crop(20))
    card = page.locator(".found .card", has_text="3 sightings")
    card.get_by_role("button", name="Name…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Who is in these 3 sightings?")
    page.get_by_role("dialog").get_by_label("Name").fill("Dora")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Dora")
    assert names(site)["Dora"] == 3
