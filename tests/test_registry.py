"""The registries that build from written calls."""

import re
import sys
from collections.abc import Sequence
from typing import Literal

import pytest

from passerby import registry
from passerby.calls import Call
from passerby.process.spelling import suggest
from passerby.registry import Registry


def test_suggest():
    assert suggest("tripplet", ["triplet", "circle"]) == "; did you mean 'triplet'?"
    assert suggest("cross-entropy", ["cross_entropy"]) == "; did you mean 'cross_entropy'?"
    assert suggest("zzz", ["triplet", "circle"]) == ""


@pytest.fixture
def shapes():
    """A registry of two components whose home module holds no others."""
    found = Registry("shape", "passerby.version")

    @found.register
    class RoundThing:
        """A round thing.

        More of it.
        """

        def __init__(self, channels, radius=1.0, colour="red"):
            self.given = (channels, radius, colour)

    @found.register
    def square(channels, side):
        return (channels, side)

    return found


def test_names_come_from_the_class_or_function(shapes):
    assert shapes.names() == ["round_thing", "square"]
    assert shapes.get("round-thing").__name__ == "RoundThing"


def test_build_passes_what_is_given_and_what_is_written(shapes):
    assert shapes.build("round_thing", channels=8).given == (8, 1.0, "red")
    assert shapes.build("round-thing(colour=blue)", channels=8).given == (8, 1.0, "blue")
    assert shapes.build(Call("square", {"side": 2}), channels=8) == (8, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("squar(side=1)", "no shape is named 'squar'; did you mean 'square'?"),
        ("zzz", r"no shape is named 'zzz' \(known: round_thing, square\)"),
        ("round_thing(radus=1)", "no option 'radus'; did you mean 'radius'?"),
        ("round_thing(channels=1)", r"no option 'channels' \(options: radius, colour\)"),
        ("square", "shape 'square' needs side"),
    ],
)
def test_build_says_what_was_meant(shapes, call, message):
    with pytest.raises(ValueError, match=message):
        shapes.build(call, channels=8)


@pytest.fixture
def typed():
    """A registry of one component that declares the types of its options."""
    found = Registry("shape", "passerby.version")

    @found.register
    class Typed:
        """A typed thing."""

        def __init__(  # noqa: PLR0917
            self,
            margin: float = 0.3,
            count: int = 1,
            soft: bool = False,
            fill: Literal["mean", "noise"] = "mean",
            size: tuple[int, int] = (1, 2),
            steps: Sequence[float] = (),
            limit: int | None = None,
            free=None,
        ) -> None:
            self.made = True

    return found


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("margin=abc", "shape 'typed': margin must be a number, got 'abc'"),
        ("margin=nan", "margin must be a number, got 'nan'"),
        ("margin=true", "margin must be a number, got True"),
        ("count=1.5", "count must be a whole number, got 1.5"),
        ("soft=1", "soft must be true or false, got 1"),
        ("fill=black", "fill must be mean or noise, got 'black'"),
        ("size=(1,)", "size must be a list of whole numbers"),
        ("size=3", "size must be a list"),
        ("steps=(1, 'b')", "steps must be a list"),
        ("limit=x", "limit must be a whole number or none, got 'x'"),
    ],
)
def test_an_option_of_another_type_is_refused(typed, option, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        typed.build(f"typed({option})")


def test_options_of_their_types_are_taken(typed):
    call = "typed(margin=1, size=[3, 4], steps=(1, 2.5), limit=none, fill=noise, free=x)"
    assert typed.build(call).made


def test_two_components_of_one_name_are_refused(shapes):
    with pytest.raises(ValueError, match="already is a shape named 'square'"):

        @shapes.register
        def square():
            pass


def test_describe_gives_defaults_and_the_first_line(shapes):
    assert shapes.describe("round_thing") == registry.Description(
        "radius=1.0, colour='red'", "A round thing."
    )


def test_a_registry_imports_its_home_on_first_use(tmp_path, monkeypatch):
    home = tmp_path / "late_home"
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / "one.py").write_text("import late_registry\nlate_registry.FOUND.register(print)\n")
    (tmp_path / "late_registry.py").write_text(
        "from passerby.registry import Registry\nFOUND = Registry('thing', 'late_home')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import late_registry

    assert "late_home" not in sys.modules
    assert late_registry.FOUND.names() == ["print"]
    assert "late_home.one" in sys.modules


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (registry.ATTENTIONS, ["cbam", "danet", "eca", "non_local", "se"]),
        (
            registry.BACKBONES,
            ["efficientnet_lite0", "resnet101", "resnet18", "resnet34", "resnet50", "timm"],
        ),
        (registry.CLASSIFIERS, ["arcface", "circle", "cosface", "linear"]),
        (registry.LOSSES, ["cross_entropy", "pair_circle", "pair_unified", "triplet"]),
        (registry.POOLINGS, ["average", "gem", "max"]),
    ],
)
def test_what_the_paper_needs_is_registered_and_described(found, names):
    assert set(names) <= set(found.names())
    for name in found.names():
        assert found.describe(name).summary.endswith((".", "…")), f"{name} has no first line"
