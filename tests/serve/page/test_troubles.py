"""What goes wrong is said, with what to do: nothing hangs, nothing fails in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serve.conftest import MORNING

expect = pytest.importorskip("playwright.sync_api", reason="playwright is absent").expect


def test_a_file_that_is_no_picture_a_broken_one_and_one_that_is_too_large(
    open_page, crop, tmp_path: Path
):
    page = open_page()
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    page.set_input_files("#file", text)
    expect(page.locator(".problem")).to_contain_text("Expected a JPEG, PNG or WebP picture")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0" + bytes(500))
    page.set_input_files("#file", broken)
    expect(page.locator(".problem")).to_contain_text("cannot be read as a picture")
    large = tmp_path / "large.jpg"
    large.write_bytes(crop(1).read_bytes() + bytes(2_100_000))
    page.set_input_files("#file", large)
    expect(page.locator(".problem")).to_contain_text("the server takes at most 2.0 MB")
    page.set_input_files("#file", crop(1))
    expect(page.locator(".found .card")).to_have_count(12)
    expect(page.locator(".problem")).to_have_count(0)


def test_pasted_words_are_no_picture(open_page):
    page = open_page()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "https://example.org/a.jpg");
          const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true });
          document.body.dispatchEvent(event);
        }"""
    )
    expect(page.locator(".problem")).to_contain_text("What was pasted is no picture")


def test_a_server_that_is_gone_and_comes_again(open_page, site, crop):
    page = open_page()
    page.set_input_files("#file", crop(1))
    expect(page.locator(".found .card")).to_have_count(12)
    site.stop()
    page.get_by_role("button", name="Not this camera: Yard").first.click()
    expect(page.locator(".problem")).to_contain_text("Is passerby serve running")
    page.goto(f"{site.address}/#/overview")  # only the address changes: nothing is loaded
    expect(page.locator("main .problem")).to_contain_text("The server does not answer")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    site.start()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".tiles")).to_be_visible()


def test_a_filter_that_nothing_satisfies_and_a_name_that_nobody_has(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(1))
    expect(page.locator(".found .card")).to_have_count(12)
    page.get_by_label("Only this name").fill("nobody of this name")
    expect(page.locator(".problem")).to_contain_text("nobody of this name")


def test_a_page_in_a_wrong_clock_shows_times_of_its_own(open_page, crop):
    page = open_page(timezone_id="Asia/Tokyo")
    page.set_input_files("#file", crop(1))
    card = page.locator(".found .card").first
    assert MORNING.hour == 8
    expect(card.locator(".where")).to_contain_text("2026-05-01 17:2")


def test_no_answer_is_waited_for_without_an_end_in_sight(open_page, crop):
    page = open_page()
    page.route("**/v1/search*", lambda route: None)  # never answered
    page.set_input_files("#file", crop(1))
    expect(page.locator(".results .working")).to_contain_text("Searching")
    page.get_by_role("button", name="Remove picture 1").click()
    expect(page.locator(".results .working")).to_have_count(0)
