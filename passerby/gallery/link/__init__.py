"""Over a gallery's cameras: which sightings show one person."""
