"""What somebody answers for: forgetting a person with a certificate, evidence, who asks."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from passerby.gallery.case.verifying import verify_case
from passerby.gallery.forgetting.certificate import is_unchanged
from passerby.serve.keys import Keys
from tests.serve.page.conftest import focused, serving_copy, tab_to

expect = pytest.importorskip("playwright.sync_api", reason="playwright is absent").expect


def test_a_person_is_forgotten_by_a_photo_with_a_certificate(open_page, site, crop, tmp_path):
    page = open_page("forget")
    page.get_by_role("button", name="Show what is kept").click()
    expect(page.locator(".problem")).to_contain_text("Give a picture of the person, or their name")
    page.set_input_files("#forget-file", crop(2))
    page.get_by_role("button", name="Show what is kept").click()
    chosen = page.locator(".pick:has(:checked)")
    expect(chosen).to_have_count(3)
    assert "Boris" in chosen.first.inner_text()
    page.locator(".pick:has(:checked) input").last.uncheck()
    expect(page.locator(".big")).to_contain_text("2 sightings in 2 passages")
    page.locator(".pick").nth(2).locator("input").check()
    page.get_by_role("button", name="Delete 3 sightings…").click()
    expect(page.locator(".problem")).to_contain_text("The certificate needs a reason")
    page.get_by_label("Reason").fill("letter of 1 May")
    page.get_by_label("Do not record this person again").check()
    page.get_by_role("button", name="Delete 3 sightings…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type 3 to confirm").fill("3")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(".certificate h2")).to_have_text("Forgotten")
    assert "letter of 1 May" in page.locator(".certificate").inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the certificate").click()
    kept = Path(download.value.path()).read_text()
    assert is_unchanged(kept)
    with site.gallery() as gallery:
        assert "Boris" not in gallery.show().persons
        assert len(gallery) == 21
    page.reload()
    expect(page.locator(".panel")).to_contain_text("Persons who are not recorded")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator(".panel")).to_have_count(0)


def test_nobody_like_it_is_nothing_to_forget(open_page, crop):
    page = open_page("forget")
    page.set_input_files("#forget-file", crop(30))
    page.get_by_role("button", name="Show what is kept").click()
    expect(page.locator(".empty")).to_contain_text("Nothing of this person was found")


def test_a_search_is_exported_as_evidence(open_page, scene, tmp_path):
    path, _ = scene
    page = open_page()
    page.set_input_files("#file", path)
    page.get_by_role("button", name="Search the whole picture").click()
    expect(page.locator(".found .card")).to_have_count(12)
    page.get_by_role("button", name="Export as evidence…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make the file").click()
    expect(dialog.locator(".problem")).to_contain_text("Say why")
    dialog.get_by_label("Reason").fill("file 12/34")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Make the file").click()
    kept = Path(download.value.path())
    assert verify_case(kept).whole
    with zipfile.ZipFile(kept) as case:
        assert b"file 12/34" in case.read("report.html")
    expect(page.locator(".toast")).to_contain_text("SHA-256")


def test_a_key_is_asked_for_and_what_it_may_not_do_is_not_offered(
    open_page, drawn_gallery, tmp_path
):
    folder = tmp_path / "keyed"
    folder.mkdir()
    secret = Keys(folder).add("guard", {"read"})
    with serving_copy(drawn_gallery, folder, keys=True) as site:
        page = open_page("people", site.address)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("This server asks for a key")
        dialog.get_by_label("Key").fill("wrong")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("This key is not known here")
        dialog.get_by_label("Key").fill(secret)
        page.keyboard.press("Enter")
        expect(page.locator("nav")).to_contain_text("Search")
        expect(page.locator("nav")).not_to_contain_text("Forget")
        expect(page.locator(".people .card")).to_have_count(4)
        assert page.locator(".people input").count() == 0
        picture = page.locator(".people img").first
        expect(picture).to_have_attribute("src", re.compile("^blob:"))  # fetched with the key
        Keys(folder).revoke("guard")
        page.goto(f"{site.address}/#/overview")
        expect(dialog).to_contain_text("This key is not known here, or was revoked")
        page.keyboard.press("Escape")
        expect(page.locator("main")).to_contain_text("Without a key nothing can be shown")
        page.context.close()  # before its server goes


def test_a_person_is_named_merged_and_undone_and_forgotten_by_keys_alone(open_page, site):
    page = open_page("people")
    tab_to(page, "Part of a name")
    page.keyboard.type("linked")
    expect(page.locator(".people .card")).to_have_count(2)
    tab_to(page, "linked/3")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".chosen")).to_contain_text("2 persons selected")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "They are one person…"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.locator(".people .card")).to_have_count(1)
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    expect(page.locator(".people .card")).to_have_count(2)
    page.goto(f"{site.address}/#/forget")
    tab_to(page, "Or the name of the person")
    page.keyboard.type("Boris")
    page.keyboard.press("Enter")
    expect(page.locator(".pick:has(:checked)")).to_have_count(3)
    tab_to(page, "Reason")
    page.keyboard.type("letter of 1 May")
    tab_to(page, "Delete")
    page.keyboard.press("Enter")
    page.keyboard.type(page.locator(".big b").inner_text())
    page.keyboard.press("Enter")
    expect(page.locator(".certificate h2")).to_be_focused()
    with site.gallery() as gallery:
        assert "Boris" not in gallery.show().persons
