"""How many hostile inputs the tests try, by border, and what came of them.

    python benchmarks/hostile.py [--long]

Runs the tests that are marked ``hostile``: files, names, numbers and downloads such as a stranger
could send. Each example of a hypothesis counts as one input, each case of another test as one. A
test fails for a traceback that is not an error in words, for a wrong acceptance, and when it does
not come to an end within ten minutes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 600  # of one test, before it counts as hanging
PASSED = re.compile(r"^(tests/\S+?)::\S.* (PASSED|FAILED|ERROR|SKIPPED)\b", re.MULTILINE)
EXAMPLES = re.compile(
    r"^(tests/\S+?)::\S+?:\n(?:(?!^tests/).*\n)*?.*?(\d+) passing examples, (\d+) failing examples"
    r"(?:, (\d+) invalid examples)?",
    re.MULTILINE,
)


def main() -> None:
    command = [sys.executable, "-m", "pytest", "-m", "hostile", "-v", "-p", "no:cacheprovider"]
    command += ["--hypothesis-show-statistics", "-o", f"faulthandler_timeout={SECONDS}"]
    done = subprocess.run(
        [*command, *sys.argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    inputs, failed, skipped = Counter[str](), Counter[str](), Counter[str]()
    for path, outcome in PASSED.findall(done.stdout):
        inputs[path] += outcome in ("PASSED", "FAILED")
        failed[path] += outcome in ("FAILED", "ERROR")
        skipped[path] += outcome == "SKIPPED"
    for path, passing, failing, _ in EXAMPLES.findall(done.stdout):
        inputs[path] += int(passing) + int(failing) - 1  # the test itself is counted above
    if not inputs:
        sys.exit(done.stdout + done.stderr)
    print("| border | inputs | tracebacks, hangs, wrong acceptances |")
    print("|---|---:|---:|")
    for path in sorted(inputs):
        note = f" ({skipped[path]} skipped)" if skipped[path] else ""
        print(f"| `{path}`{note} | {inputs[path]:,} | {failed[path]} |")
    print(f"| all | {sum(inputs.values()):,} | {sum(failed.values())} |")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
