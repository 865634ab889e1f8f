"""The style "street": what networks fail on occurs as often as it is meant to."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from passerby.synthesis import draw, photo, write
from passerby.synthesis.cameras.captions import Caption, burn, choose_caption
from passerby.synthesis.streets import afflict, dress_street, install_street, season, shade
from passerby.synthesis.variety import dress_varied, install_varied
from passerby.synthesis.wardrobe import Piece

USUAL = install_varied(0, 1)
CAMERAS = [afflict(USUAL, np.random.default_rng(number), number) for number in range(200)]


def share(flags: list[bool]) -> float:
    return float(np.mean(flags))


def brightness(colour: tuple[float, float, float]) -> float:
    return float(np.sqrt(colour).mean())


def site_of(kind: str) -> int:
    return next(site for site in range(100) if season(0, site) == kind)


def test_repeats_and_differs_from_the_varied_style() -> None:
    first = draw(0, 1, 1, 0, style="street", site=2)
    install_street.cache_clear()
    dress_street.cache_clear()
    np.testing.assert_array_equal(draw(0, 1, 1, 0, style="street", site=2), first)
    assert np.abs(first.astype(int) - draw(0, 1, 1, 0, style="varied")).mean() > 2


def test_every_picture_can_be_drawn() -> None:
    for person in range(-1, 60):
        picture = draw(
            5, person, 1 + person % 9, 3, height=64, width=32, style="street", site=person % 7
        )
        assert picture.std() > 2


def test_a_quarter_of_the_cameras_have_a_cast_most_of_them_warm() -> None:
    usual = np.log(USUAL.gains[0] / USUAL.gains[2])
    warmth = np.array([np.log(c.gains[0] / c.gains[2]) for c in CAMERAS]) - usual
    assert 0.18 < np.mean(np.abs(warmth) > 0.35) < 0.32
    assert np.sum(warmth > 0.35) > 2 * np.sum(warmth < -0.35) > 0


def test_how_many_cameras_burn_out_lie_in_the_sun_and_are_far_off() -> None:
    assert 0.08 < share([camera.exposure > 1.5 * USUAL.exposure for camera in CAMERAS]) < 0.25
    assert 0.28 < share([camera.deep_shade > 0 for camera in CAMERAS]) < 0.52
    assert 0.12 < share([camera.rows < 62 for camera in CAMERAS]) < 0.25
    assert 0.1 < share([camera.caption is not None for camera in CAMERAS]) < 0.3


def test_sun_and_shade_under_one_camera() -> None:
    """Passages differ; the moments of one passage lie in the same light."""
    number = next(n for n in range(1, 60) if 0.4 < install_street(0, n).deep_shade < 0.6)
    means = np.array([[draw(0, person, number, moment, height=64, width=32, style="street").mean()
                       for moment in range(2)] for person in range(1, 25)])  # fmt: skip
    low, high = np.percentile(means, (10, 90))
    moments = np.median(np.abs(np.log(means[:, 0] / means[:, 1])))
    assert high > 1.5 * low
    assert moments < 0.7 * np.log(high / low)


def test_shade_darkens_all_or_leaves_one_side() -> None:
    for seed in range(20):
        scene = np.ones((32, 16, 3), np.float32)
        shade(scene, np.random.default_rng(seed))
        assert scene.max() <= 1
        assert (scene[12:20, 6:10] < 0.55).all(), "the person stands in the shade"


def test_most_people_of_a_winter_site_wear_something_dark() -> None:
    def dark(site: int) -> float:
        looks = [dress_street(0, person, 0, site) for person in range(1, 101)]
        return share([
            brightness(look.pieces[Piece.UPPER].colour) < 0.35
            and brightness(look.pieces[Piece.LOWER].colour) < 0.35
            for look in looks
        ])  # fmt: skip

    assert dark(site_of("winter")) > 0.55
    assert dark(site_of("summer")) < 0.35


def test_winter_has_no_bare_limbs_and_many_cuts() -> None:
    looks = [dress_street(0, person, 0, site_of("winter")) for person in range(1, 101)]
    assert all(look.sleeve > 0.9 and look.outfit != "shorts" for look in looks)
    assert {look.hat for look in looks} >= {"none", "hood", "beanie"}
    assert np.std([look.hem for look in looks]) > 0.05
    assert len({(look.bag, look.hair, look.hat, look.scarf) for look in looks}) > 40


def test_body_and_gait_do_not_follow_the_weather() -> None:
    for person in range(1, 20):
        look, plain = dress_street(0, person, 0, site_of("winter")), dress_varied(0, person)
        for name in ("stature", "girth", "shoulders", "hips", "hair", "beard", "gait"):
            assert getattr(look, name) == getattr(plain, name)
        assert look.pieces[Piece.SKIN] == plain.pieces[Piece.SKIN]


def test_people_in_uniform_share_their_clothes() -> None:
    looks = [dress_street(0, person, 0, site_of("uniform")) for person in range(1, 41)]
    coats = [look.pieces[Piece.UPPER] for look in looks]
    assert max(coats.count(coat) for coat in coats) > 20
    assert len({look.pieces[Piece.SHOES] for look in looks}) > 20


@pytest.mark.parametrize("strip", [True, False])
def test_a_caption_is_written_at_the_head_or_the_foot(strip: bool) -> None:
    caption = Caption("CAM 07", "{3:02d}:{4:02d}:{5:02d}", (255, 255, 255), strip, 0.1, 1.0)
    written = 0
    for seed in range(12):
        picture = Image.new("RGB", (64, 128), (90, 90, 90))
        burn(picture, np.random.default_rng(seed), caption)
        changed = np.argwhere((np.asarray(picture) != 90).any(-1))
        written += len(changed) > 0
        assert ((changed[:, 0] < 26) | (changed[:, 0] > 101)).all()
    assert written == 12


def test_captions_fit_tiny_crops_and_have_signs_for_every_camera() -> None:
    for camera in range(1, 60):
        rng = np.random.default_rng(camera)
        picture = Image.new("RGB", (26, 53))
        burn(picture, rng, choose_caption(rng, camera))
        assert picture.size == (26, 53)


def test_the_site_matters_and_reaches_the_files(tmp_path: Path) -> None:
    root = write(tmp_path / "set", train_persons=2, test_persons=0, cameras=1, images=1,
                 distractors=0, junk=0, sites=2, style="street", seed=22)  # fmt: skip
    for person, site in ((1, 0), (2, 1)):
        stored = root / "bounding_box_train" / f"000{person}_c{1 + site}s1_000000_01.jpg"
        assert stored.read_bytes() == photo(22, person, 1 + site, 0, style="street", site=site)
    winter, summer = (
        draw(0, 3, 2, 1, style="street", site=site_of(kind)) for kind in ("winter", "summer")
    )
    assert (winter != summer).any()
