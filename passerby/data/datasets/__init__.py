"""Data sets, one file each: readers that turn a layout on disk into a Split."""
