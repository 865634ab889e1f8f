"""``python -m passerby``: the same as the command."""

from passerby.cli import main

if __name__ == "__main__":
    main()
