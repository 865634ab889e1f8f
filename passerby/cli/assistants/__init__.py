"""Commands for the assistants of language models."""
