"""Passerby as the ReID model of a tracker of BoxMOT, which takes any with ``get_features``.

BoxMOT is under the AGPL and no part of Passerby: ``pip install boxmot`` in an environment of yours,
then ``python boxmot_appearance.py VIDEO``. Put your own detector in place of `nobody`.
"""

import sys

import cv2
import numpy as np

import passerby
from passerby.video.appearance import Appearance


def nobody(frame):
    """A stand-in for a detector: rows of left, top, right, bottom, score, class."""
    return np.empty((0, 6), np.float32)


def tracks_of(video, tracker, detect=nobody):
    """What a tracker answers for each frame of a video."""
    opened = cv2.VideoCapture(str(video))
    while True:
        there, frame = opened.read()
        if not there:
            break
        yield tracker.update(detect(frame), frame)
    opened.release()


def reid_model():
    """What BoxMOT calls with the boxes and the frame, in BGR, of each update."""
    return Appearance(passerby.load(), colours="bgr")


if __name__ == "__main__":
    from boxmot import BotSort

    for rows in tracks_of(sys.argv[1], BotSort(reid_model=reid_model())):
        print(rows)
