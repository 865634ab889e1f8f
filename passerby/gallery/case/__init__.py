"""A case: what a search or a person's path shows, gathered so that others can check it."""
