"""Body shapes: mixtures of targets."""

import numpy as np
import pytest

from passerby.synthesis.rendered.body import shape
from passerby.synthesis.rendered.body.shape import Build, mixture, shaped
from tests.synthesis.rendered.made_up import pack


def test_a_corner_of_the_space_is_made_of_its_own_targets():
    build = Build(manly=1, age=2 / 3, muscle=1, weight=0, height=1, proportions=0.5,
                  ancestry=(1, 0, 0))  # fmt: skip
    name = "male-young-maxmuscle-minweight"
    expected = {"african-male-young": 1, f"universal-{name}": 1, f"{name}-maxheight": 1}
    assert mixture(build) == pytest.approx(expected)


@pytest.mark.parametrize("age", [0.1, 0.45, 0.8, 1.0])
def test_bodies_and_ancestries_add_up_to_one(age):
    build = Build(0.3, age, 0.6, 0.2, 0.3, 0.9, (0.2, 0.3, 0.5))
    shares = mixture(build)
    universal = sum(share for name, share in shares.items() if name.startswith("universal"))
    ancestry = sum(share for name, share in shares.items() if name.count("-") == 2)
    assert universal == pytest.approx(1)
    assert ancestry == pytest.approx(1)
    heights = [share for name, share in shares.items() if name.endswith("minheight")]
    assert sum(heights) == pytest.approx(0.4)
    assert not [name for name in shares if name.endswith("maxheight")]


def test_a_body_is_the_base_moved_by_its_targets(monkeypatch):
    made = pack(8)
    monkeypatch.setattr(shape, "mixture", lambda build: {"b": 0.25, "a": 0.5})
    found = shaped(made, Build())
    for vertex in range(len(made.points)):
        expected = (
            made.points[vertex]
            + 0.5 * made.units[0] * made.moves[0, vertex]
            + 0.25 * made.units[1] * made.moves[1, vertex]
        )
        np.testing.assert_allclose(found[vertex], expected, atol=1e-6)
