"""Video in: sources of frames, detectors of persons, tracks, and the passages made of them."""
