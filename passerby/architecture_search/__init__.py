"""A network's cells found by gradients, as Auto-ReID finds them; `search.py` is the story."""
