"""What an exported model says of itself, in whichever file; damage is named."""

import json
from dataclasses import replace

import pytest

from passerby.config import Input, Network, Recipe
from passerby.embedding.runtimes.exported import (
    KEY,
    Exported,
    exported_file,
    fingerprint_of,
    read_onnx,
    running_of,
)
from passerby.models.checkpoint import Card

CARD = Card(
    Recipe("tiny", input=Input(height=64, width=32, mean=(0.1, 0.2, 0.3)), network=Network()),
    persons=3,
    seed=0,
    epoch=1,
    training_persons=("made/1", "made/2"),
    fingerprint="0123456789abcdef",
)
SAID = Exported(
    CARD,
    512,
    "0.1.0",
    outputs=("embedding", "before_neck"),
    precision="int8",
    quantised="beef",
    licence="Apache-2.0",
    calibration='{"é": "\n"}',
)


def test_it_reads_what_it_wrote() -> None:
    text = SAID.to_json()
    assert text.isascii()
    assert "\n" not in text
    assert Exported.from_json(text, "a.onnx") == SAID
    assert SAID.input.height == 64


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "a.onnx is not an exported model of Passerby"),
        (SAID.to_json().replace('"int8"', '"int4"'), "precision must be one of 'fp32', 'fp16'"),
        (SAID.to_json().replace('"dimensions"', '"dimension"'), "unknown field 'dimension'"),
        (SAID.to_json().replace('"format": 1', '"format": 2'), "written by a newer Passerby"),
        (SAID.to_json().replace('"height": 64', '"height": 0'), "input.height"),
    ],
)
def test_damage_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Exported.from_json(text, "a.onnx")


def test_it_stands_in_an_onnx_file(tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    file = tmp_path / "a.onnx"
    graph = onnx.helper.make_graph([], "empty", [], [])
    model = onnx.helper.make_model(graph)
    onnx.save(model, file)
    assert read_onnx(file) is None
    onnx.helper.set_model_props(model, {"other": "1", KEY: SAID.to_json()})
    onnx.save(model, file)
    assert read_onnx(file) == SAID


@pytest.mark.hostile
@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x72\x05\x0a\x40ab", b"\x72\x00"])
def test_what_is_no_onnx_file_is_said(tmp_path, content) -> None:
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot (be )?read"):
        read_onnx(tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="cannot read"):
        read_onnx(tmp_path / "b.onnx")


def test_fingerprints_tell_vectors_apart() -> None:
    assert fingerprint_of("abc") == fingerprint_of("abc", runtime="openvino") == "abc"
    others = {
        fingerprint_of("abc", precision, runtime, digest)
        for precision in ("bf16", "int8")
        for runtime in ("onnx", "openvino")
        for digest in ("", "beef")
    }
    assert len(others) == 8
    assert "abc-int8-onnx-beef" in others


@pytest.mark.parametrize("runtime", ["torch", "onnx", "openvino"])
@pytest.mark.parametrize("digest", ["", "beef"])
def test_a_fingerprint_says_what_made_it(runtime, digest) -> None:
    for precision in ("fp16", "bf16", "int8", "int8-bf16"):
        made = fingerprint_of("0123456789abcdef", precision, runtime, digest)
        assert running_of(made) == (runtime, precision)
    assert running_of("0123456789abcdef") == running_of("hsv-histogram-6x8x4x4") == ("", None)


def test_the_file_of_a_folder(tmp_path) -> None:
    assert exported_file(tmp_path) is None
    (tmp_path / "model.xml").touch()
    assert exported_file(tmp_path) == tmp_path / "model.xml"
    (tmp_path / "mine.ONNX").touch()
    assert exported_file(tmp_path / "mine.ONNX") == tmp_path / "mine.ONNX"
    assert exported_file(tmp_path / "no.onnx") is None
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ValueError, match=r"several models: .* model.onnx or model.xml"):
        exported_file(tmp_path)


def test_the_text_is_plain_json() -> None:
    said = json.loads(replace(SAID, model_card="# Card").to_json())
    assert said["card"]["recipe"]["input"]["colours"] == "rgb"
    assert said["model_card"] == "# Card"
