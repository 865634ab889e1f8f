"""Cameras: their places, what stands in the way, their captions, and what their lenses do."""
