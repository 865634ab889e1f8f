"""Commands by which people decide who is who, and take that back."""
