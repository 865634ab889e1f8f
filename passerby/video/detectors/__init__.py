"""Detectors of persons, one file a kind, behind `detections.Detector`."""
