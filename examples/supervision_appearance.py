"""Boxes of any detector, tracked with supervision's types, and the vectors of each track.

``python supervision_appearance.py VIDEO``: prints for each track its frames and its vector's first
numbers. Put your own detector in place of `whole_frame`. ``pip install "passerby[video]"``.
"""

import sys
from collections import defaultdict

import cv2
import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

import passerby
from passerby.video.appearance import Appearance


def whole_frame(frame):
    """A stand-in for a detector: one box that leaves a tenth at each edge."""
    height, width = frame.shape[:2]
    box = [0.1 * width, 0.1 * height, 0.9 * width, 0.9 * height]
    return sv.Detections(
        xyxy=np.array([box], np.float32),
        confidence=np.array([0.9], np.float32),
        class_id=np.array([0]),
    )


def vectors_of_tracks(video, detect=whole_frame):
    """Track number -> the mean vector [D] of the frames in which it was seen, of length 1."""
    appearance = Appearance(passerby.load(), colours="bgr")  # OpenCV gives frames in BGR
    tracker = ByteTrackTracker()
    seen = defaultdict(list)
    opened = cv2.VideoCapture(str(video))
    while True:
        there, frame = opened.read()
        if not there:
            break
        tracked = tracker.update(detect(frame))
        tracked = tracked[tracked.tracker_id >= 0]  # -1: not confirmed yet
        # A tracker with a ReID encoder would call this itself, for all detections of a frame.
        for number, vector in zip(
            tracked.tracker_id, appearance.extract_features(tracked, frame), strict=True
        ):
            seen[int(number)].append(vector)
    opened.release()
    means = {number: np.mean(vectors, axis=0) for number, vectors in seen.items()}
    return {number: mean / np.linalg.norm(mean) for number, mean in means.items()}


if __name__ == "__main__":
    for number, vector in vectors_of_tracks(sys.argv[1]).items():
        print(number, np.round(vector[:4], 3))
