"""Outputs of networks, against slow decoding row by row, class by class."""

import json

import numpy as np
import pytest

from passerby.video.detectors.card import Card, read_card
from passerby.video.detectors.detections import cleaned, overlaps
from passerby.video.detectors.networks import letterboxed, stretched
from passerby.video.detectors.ssd import Ssd
from passerby.video.detectors.yolo import Yolo
from passerby.video.detectors.yolox import Yolox

FRAME = np.zeros((90, 160, 3), np.uint8)
SCALE = 64 / 160  # of a letterbox of 64 × 64


def card(layout, **more):
    return Card(layout, "x.onnx", 64, 64, sure=0.5, floor=0.3, **more)


def slow_overlap(a, b):
    """By counting hundredths of the union in one axis after the other."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(area) - width * height)


def slow_suppression(boxes, scores, limit):
    """A box stays unless one that stays, and is better, covers it."""
    left = sorted(zip(scores, boxes, strict=True), key=lambda pair: -pair[0])
    kept = []
    for score, box in left:
        if all(slow_overlap(box, other) <= limit for _, other in kept):
            kept.append((score, box))
    return kept


def expect(found, rows):
    """rows: (score, (left, top, right, bottom)) in pixels of the frame, before suppression."""
    rows = [(score, [min(max(v, 0), m) for v, m in zip(box, (160, 90, 160, 90), strict=True)])
            for score, box in rows if score >= 0.3]  # fmt: skip
    rows = [row for row in rows if row[1][2] - row[1][0] >= 2 and row[1][3] - row[1][1] >= 2]
    kept = slow_suppression([box for _, box in rows], [score for score, _ in rows], 0.5)
    assert len(found) == len(kept) > 1
    np.testing.assert_allclose(found.boxes, [box for _, box in kept], atol=1e-3)
    np.testing.assert_allclose(found.scores, [score for score, _ in kept], atol=1e-6)


def test_yolox(trial):
    random = np.random.default_rng(trial)
    cells = [(s, x, y) for s in (8, 16, 32) for y in range(64 // s) for x in range(64 // s)]
    output = random.normal(0, 0.7, (1, len(cells), 5 + 3)).astype(np.float32)
    output[0, :, 4:] = random.random((len(cells), 4)) ** 0.3
    rows = []
    for (stride, x, y), row in zip(cells, output[0].tolist(), strict=True):
        centre = (x + row[0]) * stride, (y + row[1]) * stride
        size = stride * np.exp(row[2]), stride * np.exp(row[3])
        box = [centre[0] - size[0] / 2, centre[1] - size[1] / 2,
               centre[0] + size[0] / 2, centre[1] + size[1] / 2]  # fmt: skip
        rows.append((row[4] * row[5 + 2], [value / SCALE for value in box]))
    found = Yolox("x", card("yolox", person=2), lambda images: output).detect(FRAME)
    expect(found, rows)


@pytest.mark.parametrize("layout", ["yolo_v5", "yolo_v8", "yolo_end_to_end"])
def test_yolo(layout, trial):
    random = np.random.default_rng(trial)
    centres, sizes = random.uniform(0, 64, (40, 2)), random.uniform(3, 30, (40, 2))
    scores, there, kinds = random.random(40), random.random(40), random.integers(0, 2, 40)
    corners = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=1)
    other = random.random((40, 1))
    parts = {
        "yolo_v5": [centres, sizes, there[:, None], other, scores[:, None]],
        "yolo_v8": [centres, sizes, other, scores[:, None]],
        "yolo_end_to_end": [corners, scores[:, None], kinds[:, None]],
    }
    output = np.concatenate(parts[layout], axis=1)[None].astype(np.float32)
    worth = {"yolo_v5": scores * there, "yolo_v8": scores, "yolo_end_to_end": scores * (kinds == 1)}
    given = output.transpose(0, 2, 1) if layout == "yolo_v8" else output
    found = Yolo("x", card(layout, person=1), lambda images: given).detect(FRAME)
    expect(found, list(zip(worth[layout].tolist(), (corners / SCALE).tolist(), strict=True)))


def test_ssd(trial):
    random = np.random.default_rng(trial)
    first, second = random.random((30, 2)), random.random((30, 2))
    corners = np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=1)
    kinds, scores = random.integers(0, 2, 30), random.random(30)
    rows = np.concatenate([np.zeros((30, 1)), kinds[:, None], scores[:, None], corners], axis=1)
    rows[25:, 0] = -1  # what follows is not meant
    output = rows[None, None].astype(np.float32)
    found = Ssd("x", card("ssd", person=1), lambda images: output).detect(FRAME)
    meant = [
        (float(rows[i, 2]), (rows[i, 3:] * (160, 90, 160, 90)).tolist())
        for i in range(25)
        if rows[i, 1] == 1
    ]
    expect(found, meant)


@pytest.mark.parametrize("kind", [Yolox, Yolo, Ssd])
def test_another_shape_is_named(kind):
    layout = {Yolox: "yolox", Yolo: "yolo_v8", Ssd: "ssd"}[kind]
    with pytest.raises(ValueError, match="layout"):
        kind("x", card(layout), lambda images: np.zeros((1, 3, 3), np.float32)).detect(FRAME)


def test_inputs_are_scaled_ordered_and_divided():
    frame = np.zeros((90, 160, 3), np.uint8)
    frame[...] = (10, 20, 30)
    images, scale = letterboxed(frame, card("yolox", colours="bgr", divisor=1.0))
    assert images.shape == (1, 3, 64, 64)
    assert scale == SCALE
    assert images[0, :, 0, 0].tolist() == [30, 20, 10]
    assert images[0, :, 36:].min() == images[0, :, 36:].max() == 114
    np.testing.assert_allclose(stretched(frame, card("ssd"))[0, :, 63, 63] * 255, (10, 20, 30))


def test_suppression_and_what_is_no_box():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [np.nan, 0, 5, 5], [50, 50, 50.5, 60]])
    found = cleaned(boxes, np.array([0.5, 0.9, 0.9, 0.9]), (100, 100), 0.5)
    assert found.boxes.tolist() == [[1, 0, 11, 10]]
    assert overlaps(boxes[0], boxes[1:2])[0] == pytest.approx(90 / 110)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"floor": 0.9}, "floor <= sure"), ({"height": 0}, "above 0"), ({"overlap": 0.0}, "overlap"),
     ({"layout": "yolo"}, "layout"), ({"flor": 0.1}, "flor")],
)  # fmt: skip
def test_cards_that_make_no_sense_are_refused(tmp_path, change, message):
    whole = {"layout": "yolox", "file": "x.onnx", "height": 64, "width": 64, "sure": 0.5,
             "floor": 0.3}  # fmt: skip
    path = tmp_path / "x.json"
    path.write_text(json.dumps(whole))
    assert read_card(path) == Card("yolox", "x.onnx", 64, 64, 0.5, 0.3)
    path.write_text(json.dumps({**whole, **change}))
    with pytest.raises(ValueError, match=message):
        read_card(path)
