"""Sizes as text, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.process.sizes import parse_size, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2GB", 2 * 10**9),
        ("500MB", 5 * 10**8),
        ("1.5 gb", 15 * 10**8),
        ("1GiB", 2**30),
        ("64kB", 64000),
        (12345, 12345),
        ("12345", 12345),
        ("1TB", 10**12),
    ],
)
def test_sizes_of_memory(text, size):
    assert parse_size(text, "memory") == size


@pytest.mark.parametrize("text", ["", "2 apples", "-1GB", "GB", 1.5, "1e9", "2G", None])
def test_sizes_that_are_none(text):
    with pytest.raises(ValueError, match="memory must be bytes or a size such as"):
        parse_size(text, "memory")


@given(st.integers(0, 10**15))
def test_what_is_rounded_up_holds_the_bytes(size):
    assert size <= parse_size(size_text(size, up=True)) <= size + max(10**5, size / 10)
