"""How many hostile inputs the tests try, by border, and what came of them.

    python benchmarks/hostile.py [--long]

Runs the tests that are marked ``hostile``: files, names, numbers and downloads such as a stranger
could send. Each example of a hypothesis is one input, each case of another test is one. A test
fails for a traceback that is no error in words, and for what should have been refused and was
taken; one that has not ended after ten minutes is shown with where it hangs, and ends the run.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600  # of one test, before it counts as hanging


class Counting:
    """A plugin of pytest: inputs and failures by file of tests."""

    def __init__(self) -> None:
        self.inputs, self.failed, self.skipped = Counter[str](), Counter[str](), Counter[str]()
        self._file, self._examples = "", 0

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._file, self._examples = item.nodeid.partition("::")[0], 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped[self._file] += 1
        elif report.failed:
            self.failed[self._file] += 1
        if report.when == "call" and not report.skipped:
            self.inputs[self._file] += max(self._examples, 1)

    def pytest_configure(self) -> None:
        """Count each example that hypothesis executes."""
        import hypothesis.core  # here, where pytest has prepared its imports

        engine = hypothesis.core.StateForActualGivenExecution
        execute = engine.execute_once

        def counted(state: object, *given: object, **named: object) -> object:
            self._examples += 1
            return execute(state, *given, **named)

        engine.execute_once = counted


def main() -> None:
    counting = Counting()
    options = ["-m", "hostile", "-q", "--no-header", "-p", "no:cacheprovider", str(ROOT / "tests")]
    options += ["-o", f"faulthandler_timeout={SECONDS}", "-o", "faulthandler_exit_on_timeout=true"]
    code = pytest.main([*options, *sys.argv[1:]], plugins=[counting])
    print("\n| border, by file of tests | inputs | tracebacks, hangs, wrong acceptances |")
    print("|---|---:|---:|")
    for path in sorted(counting.inputs):
        note = f" ({counting.skipped[path]} skipped)" if counting.skipped[path] else ""
        print(f"| `{path}`{note} | {counting.inputs[path]:,} | {counting.failed[path]} |")
    print(f"| all | {counting.inputs.total():,} | {counting.failed.total()} |")
    sys.exit(code)


if __name__ == "__main__":
    main()
