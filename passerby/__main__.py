"""``python -m passerby``: the same as the command."""

from passerby.cli import main

main()
