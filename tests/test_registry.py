"""Written calls and the registries that build from them."""

import keyword
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby import registry
from passerby.process.spelling import suggest
from passerby.registry import Call, Registry

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not keyword.iskeyword(name)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)


@given(NAMES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_a_call_survives_being_written_and_read(name, options):
    call = Call(name, options)
    assert Call.parse(str(call)) == call


ANY = st.recursive(
    VALUES
    | st.floats()
    | st.integers()
    | st.binary(max_size=3)
    | st.complex_numbers()
    | st.just(...)
    | st.sets(st.integers(), max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(NAMES, NAMES, ANY)
def test_what_can_be_set_can_be_read_again(name, option, value):
    call = None
    with suppress(ValueError):
        call = Call(name).with_option(option, value)
    if call is not None:
        assert Call.parse(str(call)) == call


PIECES = st.sampled_from(
    [
        *("a", "x", "=", "(", ")", ",", "1e999", "...", "nan", "'", '"', "/d/e", "-", "[", "]"),
        *("{", "}", ":", "b'x'", "1j", "None", "*", "ﬁ", " ", "\\", "\n", "\ud800"),
        *("9" * 5000, "0x" + "f" * 5000),
    ]
)
TEXTS = st.lists(PIECES, max_size=9).map("".join)


@pytest.mark.hostile
@given(TEXTS | TEXTS.map(lambda text: f"a(x={text})"))
def test_any_text_is_read_or_refused(text):
    try:
        call = Call.parse(text)
    except ValueError:
        return
    assert Call.parse(str(call)) == call


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("folder(images=/data/crops)", {"images": "/data/crops"}),
        ("folder(images=../a b/c.d, part=train)", {"images": "../a b/c.d", "part": "train"}),
        (
            "folder(images=~/x,table=C:\\new\\table.csv)",
            {"images": "~/x", "table": "C:\\new\\table.csv"},
        ),
        ("timm(name=hf-hub:timm/vit)", {"name": "hf-hub:timm/vit"}),
        ("x(a=1, b=two words, c='c')", {"a": 1, "b": "two words", "c": "c"}),
    ],
)
def test_missing_quotes_are_named_and_the_advice_works(text, options):
    with pytest.raises(ValueError, match="text that is more than a word needs quotes: ") as refused:
        Call.parse(text)
    advised = str(refused.value).rpartition("needs quotes: ")[2]
    assert Call.parse(advised).options == options


@pytest.mark.parametrize(
    "text", ["x(a=...)", "x(a=[1, ...])", "x(a=1e999)", "x(a=2j)", "x(a=b'b')"]
)
def test_values_that_cannot_be_stored_are_refused(text):
    with pytest.raises(ValueError, match="a must be a finite number, a text, true, false or none"):
        Call.parse(text)


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("triplet", "triplet", {}),
        ("triplet()", "triplet", {}),
        ("  triplet( margin = 0.2 ) ", "triplet", {"margin": 0.2}),
        ("cross-entropy(label_smoothing=1e-1)", "cross_entropy", {"label_smoothing": 0.1}),
        ("triplet(margin=-1)", "triplet", {"margin": -1}),
        ("msmt17(val=separate)", "msmt17", {"val": "separate"}),
        ("x(a='b-c(d)')", "x", {"a": "b-c(d)"}),
        ("x(a=true, b=False, c=none, d=None)", "x", {"a": True, "b": False, "c": None, "d": None}),
        ("x(a='true')", "x", {"a": "true"}),
        ("x(a=(1, 2), b=[3])", "x", {"a": (1, 2), "b": [3]}),
        (r"folder(pattern=r'(\d+)_c(\d)')", "folder", {"pattern": r"(\d+)_c(\d)"}),
        (r"folder(pattern='(\d+)')", "folder", {"pattern": r"(\d+)"}),
    ],
)
def test_parse_reads(text, name, options):
    assert Call.parse(text) == Call(name, options)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "(",
        "3",
        "'triplet'",
        "a b",
        "a; b",
        "a\0",
        "a.b()",
        "a.b",
        "a[0]",
        "a()()",
        "a(1)",
        "a(*b)",
        "a(**b)",
        "a(x=b())",
        "a(x=b.c)",
        "a(x=[y for y in (1, 2)])",
        "a(x=lambda: 1)",
        "a(x=1 if 2 else 3)",
        "a(x=__import__('os').system('true'))",
        "a(x=f'{1}')",
        "a(x={[]: 1})",
        "a(x=1, x=2)",
        "lambda: 1",
        "__import__('os')",
        "a(x=" + "-" * 20_000 + "1)",
        "a(x=" + "(" * 1_000 + ")",
    ],
)
def test_parse_refuses_and_says_what_it_expects(text):
    with pytest.raises(ValueError, match="expected name"):
        Call.parse(text)


def test_parsing_evaluates_nothing(tmp_path):
    mark = tmp_path / "mark"
    for code in (f"open({str(mark)!r}, 'w')", f"x(a=open({str(mark)!r}, 'w'))"):
        with pytest.raises(ValueError, match="expected name"):
            Call.parse(code)
    assert not mark.exists()


def test_with_option_leaves_the_first_call_as_it_was():
    call = Call("triplet", {"margin": 0.3})
    assert call.with_option("soft", True) == Call("triplet", {"margin": 0.3, "soft": True})
    assert call.with_option("margin", 0.1) == Call("triplet", {"margin": 0.1})
    assert call == Call("triplet", {"margin": 0.3})


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
