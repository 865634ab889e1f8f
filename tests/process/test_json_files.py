"""JSON from outside, within bounds and as dataclasses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passerby.process import json_files
from passerby.process.json_files import parse_json, parse_object, read_dataclass


@dataclass(frozen=True)
class Lens:
    focus: float
    kind: Literal["wide", "long"] = "wide"


@dataclass(frozen=True)
class Camera:
    name: str
    lens: Lens
    size: tuple[int, int] = (4, 2)
    seen: tuple[float, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    other: Lens | None = None


CAMERA = Camera("a", Lens(2.5, "long"), (1, 2), (0.5, 1.0), {"day": 3}, Lens(1.0))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "camera.json"
    for camera in (CAMERA, Camera("b", Lens(1))):
        path.write_text(json.dumps({"format": 1, **dataclasses.asdict(camera)}))
        assert read_dataclass(Camera, path, "a camera", 1) == camera


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a camera: Expecting value"),
        ("[]", r"is not a camera: expected a mapping of fields, got \[\]"),
        ('{"format": "1"}', "is not a camera: it states no format"),
        ('{"format": true}', "is not a camera: it states no format"),
        ('{"format": 2}', r"newer Passerby \(format 2, this one reads 1\): upgrade with"),
        ('{"format": 1, "lense": 1}', "unknown field 'lense'; did you mean 'lens'"),
        ('{"format": 1, "name": "a"}', "is not a camera: .*required positional argument: 'lens'"),
        ('{"format": 1, "lens": {"focus": "x"}}', "lens.focus must be float, got 'x'"),
        ('{"format": 1, "lens": {"focus": true}}', "lens.focus must be float, got True"),
        ('{"format": 1, "lens": {"focus": 1, "kind": "x"}}', "must be one of 'wide', 'long'"),
        ('{"format": 1, "size": [1]}', "size must hold 2 values, got 1"),
        ('{"format": 1, "seen": {"0": 1}}', "seen must be a list"),
        ('{"format": 1, "notes": []}', "notes must be a mapping"),
        ('{"format": 1, "notes": {"day": 1.5}}', "notes.day must be int, got 1.5"),
        ('{"format": 1, "seen": [NaN]}', "NaN is not a finite number"),
        ('{"format": 1, "seen": [-Infinity]}', "-Infinity is not a finite number"),
        ('{"format": 1, "seen": [1e999]}', "1e999 is not a finite number"),
        ('{"format": 1, "size": [9223372036854775808, 0]}', "is beyond 64 bits"),
        ('{"format": 1, "size": [' + "9" * 10_000 + ", 0]}", "9999… is beyond 64 bits"),
        ("[" * 100_000, "nested deeper than 64"),
        ('{"a":' * 80 + "1" + "}" * 80, "nested deeper than 64"),
        ("[" * 65 + "]" * 65, "nested deeper than 64"),
        (b'{"name": "\xff"}', "is not text in UTF-8"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(
    content: str | bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "camera.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=rf"camera\.json .*{message}"):
        read_dataclass(Camera, path, "a camera", 1)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.json", "No such file"), (tmp_path, "directory")):
        with pytest.raises(ValueError, match=f"cannot read .*: .*{reason}"):
            read_dataclass(Camera, path, "a camera")


@pytest.mark.hostile
def test_files_that_are_too_large_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "LARGEST", 2_000_000)
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(2_000_001)
    with pytest.raises(ValueError, match=r"large.json is not a camera: it has 2\.0 MB"):
        read_dataclass(Camera, path, "a camera")
    with pytest.raises(ValueError, match="more than is read"):
        parse_json(path.read_bytes())


def test_depth_up_to_the_bound_is_taken() -> None:
    assert parse_json("[" * 64 + "]" * 64)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.hostile
@given(values | st.binary() | st.text())
def test_whatever_comes_it_is_a_mapping_or_a_value_error(value: object) -> None:
    text = value if isinstance(value, (str, bytes)) else json.dumps(value)
    with suppress(ValueError):
        assert isinstance(parse_object(text, "it"), dict)
