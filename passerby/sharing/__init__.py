"""Models for others: the card that says what one is, and what takes it to a hub."""
