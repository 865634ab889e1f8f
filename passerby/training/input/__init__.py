"""Images into training: loading and the cache of decoded ones."""
