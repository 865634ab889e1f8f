"""Asking people about pairs of a gallery's sightings, and what is learnt from their answers."""
