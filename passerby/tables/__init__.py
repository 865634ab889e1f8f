"""Tables of images: records and splits, embeddings, sightings, and conditions on them."""
