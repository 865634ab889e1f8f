"""What a search of a gallery found: its page, and the strips of pictures of passages."""
