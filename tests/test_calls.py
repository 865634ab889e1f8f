"""Calls as they are written: read, refused, and written again."""

import keyword
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.calls import Call

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
