"""What a gallery teaches about its own cameras and persons, without training: linear, undoable."""
