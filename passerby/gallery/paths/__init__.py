"""Which way persons went, and how long they take from camera to camera."""
