"""Asking a gallery: who is it, or nobody."""
