"""Engines that keep a gallery, one file each."""
