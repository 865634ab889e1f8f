"""The ``passerby`` command, also as ``python -m passerby``."""

import sys


def main() -> None:
    """Run a command; Ctrl-C ends it without a traceback, also while its code is being read."""
    try:
        from passerby.cli.app import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
