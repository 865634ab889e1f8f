"""The commands of a server of galleries: itself, its keys, its audit log."""
