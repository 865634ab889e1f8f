"""A network as a file of another runtime; that it is right is shown in `passerby.export`."""
