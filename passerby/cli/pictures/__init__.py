"""Commands that draw why a model says what it says."""
