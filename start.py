"""Set everything up and run: ``python start.py demo`` or ``python start.py test``.

Makes a virtual environment in ``.venv``, installs Passerby and what the demo (or, beyond that, the
tests) needs, and runs it; further arguments are passed through. A second run installs nothing
again. Needs only Python 3.11 or newer: this file uses the standard library alone, and no syntax
that an older Python could not read, so that it can say so.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv")
SCRIPTS = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(SCRIPTS, "python.exe" if os.name == "nt" else "python")
STAMP = os.path.join(VENV, "passerby-installed.txt")
GIGABYTES = 8  # torch with its GPU libraries takes about 6 on Linux
TORCH_INDEX = "--torch-index"
# One process more than there are cores: much of the suite waits for servers and other processes.
PROCESSES = min(4, (os.cpu_count() or 1) + 1)
PARALLEL = ["-n", str(PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder"]


def main() -> None:
    """Read the command, set up, run."""
    command, rest = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    torch_index = ""
    if TORCH_INDEX in rest[:-1]:
        at = rest.index(TORCH_INDEX)
        torch_index = rest[at + 1]
        rest = rest[:at] + rest[at + 2 :]
    if command not in ("demo", "test", "setup"):
        stop(
            "usage: python start.py demo [options]   set up, then train, test and show a report\n"
            "       python start.py test [options]   set up, then run the tests (options: pytest;\n"
            "                                        -n 0: in one process, else one a core)\n"
            "       python start.py setup            set up only, for use\n"
            "       ... --torch-index URL            PyTorch from this index, as its installation\n"
            "                                        page names it (CPU only: 1 GB in place of 6)"
        )
    if sys.version_info < (3, 11):
        stop(
            f"Passerby needs Python 3.11 or newer; this is {sys.version.split()[0]}.\n"
            "Install a newer one from https://www.python.org/downloads/ and run it by its name, "
            f"for instance: python3.11 start.py {command}"
        )
    set_up("test" if command == "test" else "gallery", torch_index)
    if command == "demo":
        run([PYTHON, "-m", "passerby", "demo", *rest])
    elif command == "test":
        run([PYTHON, "-m", "pytest", *PARALLEL, *rest])  # of two options the last counts
    activate = os.path.join(SCRIPTS, "activate")
    say(f"The command passerby is in {SCRIPTS}; to have it in this shell, activate it:")
    say(f"  {activate}" if os.name == "nt" else f"  source {activate}")


def set_up(extra: str, torch_index: str = "") -> None:
    """Make the environment and install into it, unless that is done for this pyproject.toml.

    extra: of pyproject.toml, installed as well; what has the tests' extra has all that others need.
    """
    wanted = requirements()
    if installed() in (wanted + " test", wanted + " " + extra):
        return
    free = shutil.disk_usage(HERE).free / 1e9
    if free < GIGABYTES:
        stop(
            f"The environment takes up to {GIGABYTES} GB, and {HERE} has {free:.1f} GB free.\n"
            "Free some room, or move this folder to a larger disk."
        )
    if not has_pip():
        say(f"Making a virtual environment in {VENV}")
        run([sys.executable, "-m", "venv", VENV], "Is the package python3-venv installed?")
    say("Installing Passerby and what it needs (the first time takes some minutes)")
    install = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]
    if torch_index:  # its builds are preferred: "2.9+cpu" counts as newer than "2.9"
        install += ["--extra-index-url", torch_index]
    elif shutil.which("nvidia-smi") is None and sys.platform == "linux":
        say(
            "No NVIDIA GPU is seen here. The build of PyTorch for CPUs alone is far smaller (about "
            "1 GB in place of 6):\nto take it, stop this (Ctrl-C) and add --torch-index URL with "
            "the address that pytorch.org/get-started shows for pip and CPU."
        )
    run(
        [*install, "-e", ".[" + extra + "]"],
        "If the package index could not be reached: check the connection (or pip's proxy and index "
        "settings)\nand run this again; it goes on where it stopped.\n"
        f"If the disk is full: free some room ({GIGABYTES} GB) and run this again.",
    )
    # pip would do this on one core. Some packages carry files that are no Python: no matter.
    run([PYTHON, "-m", "compileall", "-qq", "-j", "0", VENV], must=False)
    with open(STAMP, "w", encoding="utf-8") as file:
        file.write(wanted + " " + extra)


def requirements() -> str:
    """A fingerprint of what has to be installed: a changed pyproject.toml installs anew."""
    with open(os.path.join(HERE, "pyproject.toml"), "rb") as file:
        return f"{hashlib.sha256(file.read()).hexdigest()} {HERE}"


def installed() -> str:
    """The fingerprint of what is installed, empty when nothing is."""
    if not (os.path.exists(STAMP) and os.path.exists(PYTHON)):
        return ""
    with open(STAMP, encoding="utf-8") as file:
        return file.read()


def has_pip() -> bool:
    """Whether the environment is whole: where python3-venv lacks, a Python without pip remains."""
    if not os.path.exists(PYTHON):
        return False
    command, nowhere = [PYTHON, "-m", "pip", "--version"], subprocess.DEVNULL
    return subprocess.call(command, stdout=nowhere, stderr=nowhere) == 0


def run(command: list, advice: str = "", must: bool = True) -> None:
    """Show and run a command in the project's folder; end with its exit code if it fails.

    must: False goes on all the same.
    """
    say("> " + " ".join(command))
    try:
        code = subprocess.call(command, cwd=HERE)
    except KeyboardInterrupt:
        stop("stopped")
    if code != 0 and not must:
        return
    if code < 0:  # what a process says that could say nothing more
        say("ended by " + signal_name(-code))
    if code != 0:
        if advice:
            say(advice)
        sys.exit(code if code > 0 else 128 - code)  # as a shell tells a signal


def signal_name(number: int) -> str:
    """As "signal 11 (SIGSEGV)"; without the name where the system has none for it."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def say(text: str) -> None:
    """Print at once, also into a pipe, so that the order of all output is right."""
    print(text, flush=True)


def stop(text: str) -> None:
    """Print and end with an error."""
    print(text, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
