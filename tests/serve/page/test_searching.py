"""A picture is searched: chosen, dropped, pasted, cut from a scene; what is found is filtered."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.serve.conftest import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.serve.page.conftest import Site

expect = pytest.importorskip("playwright.sync_api", reason="playwright is absent").expect


@pytest.fixture(scope="module")
def site(lasting_site: Site) -> Site:
    """Nothing here changes it."""
    return lasting_site


GIVEN = """([selector, kind, text, name, type]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector(selector).dispatchEvent(event);
}"""


def give(page: Page, selector: str, kind: str, file: Path, type: str = "image/jpeg") -> None:
    text = base64.b64encode(file.read_bytes()).decode()
    page.evaluate(GIVEN, [selector, kind, text, file.name, type])


def first_person(page: Page) -> str:
    page.wait_for_selector(".found .card")
    return page.locator(".found .card").first.locator(".about p").nth(1).inner_text()


def cameras(page: Page) -> set[str]:
    page.wait_for_selector(".found .card")
    return set(page.locator(".found .where b").all_inner_texts())


def test_a_chosen_picture_finds_the_person_whose_name_is_shown_as_text(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(1))
    assert first_person(page) == HOSTILE
    assert "%" in page.locator(".found .chance").first.inner_text()
    assert "Likelihood ratio" in page.locator(".found .card").first.inner_text()
    assert page.locator("img[src=x], main b b").count() == 0
    assert "<b>Hall</b>" in cameras(page)
    picture = page.locator(".found img").first
    expect(picture).to_have_attribute("src", re.compile("^blob:"))
    assert picture.evaluate("image => image.naturalHeight") > 60


@pytest.mark.parametrize("turned", [1, 6])
def test_a_photo_of_more_pixels_than_the_server_decodes_is_sent_smaller(
    open_page, crop, tmp_path, turned
):
    with Image.open(crop(1)) as small:
        photo = small.convert("RGB").resize((2600, 5200))
    if turned == 6:
        photo = photo.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = turned
    photo.save(tmp_path / "photo.jpg", exif=exif)
    page = open_page()
    page.set_input_files("#file", tmp_path / "photo.jpg")
    assert first_person(page) == HOSTILE


@pytest.mark.parametrize(("kind", "selector"), [("drop", ".drop"), ("paste", "body")])
def test_a_picture_is_dropped_or_pasted(open_page, crop, kind, selector):
    page = open_page()
    give(page, selector, kind, crop(2))
    assert first_person(page) == "Boris"


def test_several_pictures_are_searched_together(open_page, crop, scene):
    page = open_page()
    page.set_input_files("#file", crop(2))
    first_person(page)
    page.set_input_files("#further", crop(2).with_name("2.jpg"))
    page.wait_for_selector("text=these 2 pictures")
    assert first_person(page) == "Boris"
    page.get_by_role("button", name="Remove picture 2").click()
    page.wait_for_selector("text=of this picture")


def test_who_is_not_there_is_said_not_to_be(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(30))
    assert "Not in the gallery" in page.locator(".verdict h2").inner_text()
    assert "That the person is not in this gallery is" in page.locator(".verdict").inner_text()


def test_a_person_is_cut_from_a_scene_with_the_pointer(open_page, scene):
    path, (left, top, right, bottom) = scene
    page = open_page()
    page.set_input_files("#file", path)
    page.wait_for_selector(".stage img")
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    at = stage.bounding_box()
    scale = at["width"] / 640
    page.mouse.move(at["x"] + left * scale, at["y"] + top * scale)
    page.mouse.down()
    page.mouse.move(at["x"] + right * scale, at["y"] + bottom * scale, steps=3)
    page.mouse.up()
    assert first_person(page) == "Boris"


def test_filters_and_not_this_camera(open_page, crop):
    page = open_page(viewport={"width": 1280, "height": 900})
    page.set_input_files("#file", crop(1))
    assert cameras(page) == {"Entrance", "<b>Hall</b>", "Yard"}
    page.get_by_role("button", name="Not this camera: Yard").first.click()
    page.wait_for_selector("text=Filter (one condition)")
    expect(page.locator(".found")).not_to_contain_text("Yard")
    page.get_by_label("Who").select_option("with a name")
    expect(page.locator(".found")).not_to_contain_text("not named")
    page.get_by_label("Until").fill("2026-05-01T10:45:00")  # 08:45 in Greenwich
    expect(page.locator(".found .card")).to_have_count(4)
    page.get_by_label("Until").fill("2020-01-01T00:00:00")
    page.wait_for_selector("text=No passage satisfies the filter")
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.locator(".found .card")).to_have_count(12)
    assert cameras(page) == {"Entrance", "<b>Hall</b>", "Yard"}


def test_more_like_one_that_was_found_and_more_of_them(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(2))
    first_person(page)
    page.get_by_role("button", name="Show more passages").click()
    expect(page.locator(".found .card")).to_have_count(24)
    page.locator(".found .card").nth(1).get_by_role("button", name="More like this").click()
    page.wait_for_selector("text=A sighting of this gallery")
    expect(page.locator(".found .card")).to_have_count(23)
    assert first_person(page) == "Boris"


def test_what_was_searched_is_there_again_after_a_look_elsewhere(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(1))
    first_person(page)
    page.goto(f"{page.url.split('#')[0]}#/overview")
    page.wait_for_selector(".tiles")
    page.go_back()
    assert first_person(page) == HOSTILE


def test_the_camera_and_time_of_a_picture_are_told_to_the_server(open_page, crop):
    page = open_page()
    page.set_input_files("#file", crop(2))
    first_person(page)
    page.get_by_text("How it is judged").click()
    page.get_by_label("The picture was taken by").select_option("Yard")
    with page.expect_request(lambda request: "query_time=2026-05-01T09" in request.url) as asked:
        page.get_by_label("The picture was taken at").fill("2026-05-01T11:00:00")
    assert "query_camera=Yard" in asked.value.url
    assert "transits=true" in asked.value.url
    assert first_person(page) == "Boris"
