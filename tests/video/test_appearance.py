"""Vectors of boxes as other people's trackers ask for them; the examples with a fake detector."""

import runpy
import warnings
from pathlib import Path

import numpy as np
import pytest
import supervision

import passerby
from passerby.video.appearance import Appearance

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
BOXES = [[4, 6, 40, 90], [30.4, 10.2, 70.7, 95.5], [-20, -5, 25, 60]]


@pytest.fixture(scope="module")
def embedder():
    return passerby.load()


@pytest.fixture(scope="module")
def frame():
    """uint8 [100, 80, 3] in RGB."""
    return np.random.default_rng(0).integers(0, 256, (100, 80, 3), np.uint8)


def detections(boxes):
    return supervision.Detections(xyxy=np.array(boxes, np.float32).reshape(-1, 4))


def test_the_vectors_are_those_of_the_crops(embedder, frame):
    """Every pixel that a box touches, cut to the frame; length 1, float32."""
    found = Appearance(embedder, colours="rgb").extract_features(detections(BOXES), frame)
    crops = [frame[6:90, 4:40], frame[10:96, 30:71], frame[0:60, 0:25]]
    expected = embedder(crops)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("own", ["rgb", "bgr"])
def test_the_colours_are_those_that_were_said(embedder, frame, own):
    """Whatever order the embedder itself takes."""
    made = passerby.load(colours=own)
    bgr = Appearance(made, colours="bgr").get_features(BOXES, frame[..., ::-1])
    rgb = Appearance(embedder, colours="rgb").get_features(BOXES, frame)
    np.testing.assert_allclose(bgr, rgb, atol=1e-6)
    wrong = Appearance(made, colours="bgr").get_features(BOXES, frame)
    assert np.abs(wrong - rgb).max() > 1e-3


def test_no_boxes_have_no_vectors(embedder, frame):
    found = Appearance(embedder, colours="bgr").extract_features(detections([]), frame)
    assert found.shape == (0, embedder.dimensions)


@pytest.mark.parametrize(
    "box", [[10, 10, 10, 50], [90, 10, 95, 50], [30, 50, 20, 60], [5, 5, np.nan, 50]]
)
def test_a_box_without_a_pixel_is_named(embedder, frame, box):
    with pytest.raises(ValueError, match=r"box 1 \(.*\) shows no pixel of the frame of 80×100"):
        Appearance(embedder, colours="bgr").get_features([BOXES[0], box], frame)


@pytest.mark.parametrize("given", [None, np.zeros((100, 80)), np.zeros((100, 80, 3))])
def test_what_is_no_frame_is_named(embedder, given):
    with pytest.raises(ValueError, match="expected a frame as uint8"):
        Appearance(embedder, colours="bgr").get_features(BOXES, given)


def test_unknown_colours_are_refused(embedder):
    with pytest.raises(ValueError, match="'rgb' or 'bgr'"):
        Appearance(embedder, colours="hsv")


@pytest.fixture
def clip(tmp_path, make_video):
    return make_video(tmp_path / "a.mp4", frames=12, size=(96, 128))


def example(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # OpenCV's and supervision's own, on import
        return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def test_the_example_for_supervision(clip, embedder):
    """Two fake persons who stand still are two tracks with the vectors of their places."""
    boxes = [[5, 5, 40, 90], [70, 5, 120, 90]]

    def detect(frame):
        return supervision.Detections(
            xyxy=np.array(boxes, np.float32),
            confidence=np.full(2, 0.9, np.float32),
            class_id=np.zeros(2, int),
        )

    found = example("supervision_appearance")["vectors_of_tracks"](clip, detect)
    assert len(found) == 2
    import cv2

    opened = cv2.VideoCapture(str(clip))
    frame = opened.read()[1]
    opened.release()
    expected = Appearance(embedder, colours="bgr").get_features(boxes, frame)
    similar = np.stack([*found.values()]) @ expected.T
    assert (similar.argmax(axis=1) == [0, 1]).all()
    assert similar.diagonal().min() > 0.9


def test_the_example_for_boxmot(clip):
    """With a stand-in for its tracker that calls what BoxMOT's call."""
    made = example("boxmot_appearance")

    class Fake:
        def __init__(self, reid_model):
            self.reid_model = reid_model

        def update(self, rows, frame):
            return self.reid_model.get_features(rows[:, :4], frame)

    rows = np.array([[5, 5, 40, 90, 0.9, 0]], np.float32)
    answers = list(made["tracks_of"](clip, Fake(made["reid_model"]()), lambda frame: rows))
    assert len(answers) == 12
    assert all(np.linalg.norm(one) == pytest.approx(1, abs=1e-5) for one in answers)
