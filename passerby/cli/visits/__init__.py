"""The commands of who came to a gallery's cameras, how many, and which way."""
