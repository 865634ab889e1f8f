"""Commands beside a message broker."""
