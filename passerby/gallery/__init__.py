"""Galleries: sightings that persist, to be searched, compared and forgotten."""
