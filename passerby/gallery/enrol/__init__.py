"""Into a gallery: images and embeddings become sightings."""
