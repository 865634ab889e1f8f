"""Galleries for the assistants of language models: tools that read, and change nothing."""
