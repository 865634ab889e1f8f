"""Drawn persons: where their parts are, what covers them, their joints and their pixels."""
