"""start.py: what it says and which commands it would run. Nothing is installed here."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FILE = Path(__file__).resolve().parents[1] / "start.py"


class Machine:
    """Stands in for subprocess: notes each command, makes what it would make, or fails."""

    DEVNULL = subprocess.DEVNULL

    def __init__(self, start: ModuleType) -> None:
        self.start = start
        self.commands: list[list[str]] = []
        self.compiled = 0
        self.folders: set[str] = set()
        self.fails: dict[str, int] = {}
        self.has_pip = True
        self.interrupts = ""

    def call(self, command: list[str], **options: object) -> int:
        text = " ".join(command[1:])
        if "pip --version" in text:
            return 0 if self.has_pip else 1
        if "compileall" in command:  # some package always has a file that is no Python
            self.compiled += 1
            return 1
        self.commands.append(command)
        self.folders.add(str(options["cwd"]))
        if self.interrupts and self.interrupts in text:
            raise KeyboardInterrupt
        if "-m venv" in text:  # a failing one leaves a Python without pip, as Debian's does
            Path(self.start.PYTHON).parent.mkdir(parents=True, exist_ok=True)
            Path(self.start.PYTHON).touch()
            self.has_pip = "-m venv" not in self.fails
        return next((code for part, code in self.fails.items() if part in text), 0)

    def asked(self) -> list[str]:
        """The modules that were run, in order: venv, pip, passerby, pytest."""
        return [command[command.index("-m") + 1] for command in self.commands]


def lay(start: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let start.py lie in a folder."""
    venv = clone / ".venv"
    places = {
        "HERE": clone,
        "VENV": venv,
        "SCRIPTS": venv / "bin",
        "PYTHON": venv / "bin" / "python",
        "STAMP": venv / Path(start.STAMP).name,
    }
    for name, place in places.items():
        monkeypatch.setattr(start, name, str(place))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """start.py, as if it lay in an empty clone on a machine with room."""
    spec = importlib.util.spec_from_file_location("start_file", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clone = tmp_path / "a clone"
    clone.mkdir()
    (clone / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    lay(module, clone, monkeypatch)
    disk = SimpleNamespace(
        disk_usage=lambda _: SimpleNamespace(free=50e9), which=lambda _: "nvidia-smi"
    )
    monkeypatch.setattr(module, "shutil", disk)
    return module


@pytest.fixture
def machine(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(start)
    monkeypatch.setattr(start, "subprocess", found)
    return found


Run = Callable[..., int]


@pytest.fixture
def run(start: ModuleType, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``python start.py ARGUMENTS`` and returns the exit code."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["start.py", *arguments])
        try:
            start.main()
        except SystemExit as leave:
            return int(leave.code or 0)
        return 0

    return call


def test_the_first_run_sets_everything_up(start: ModuleType, machine: Machine, run: Run) -> None:
    assert run("demo") == 0
    assert machine.asked() == ["venv", "pip", "passerby"]
    assert machine.commands[0] == [sys.executable, "-m", "venv", start.VENV]
    assert machine.commands[1][0] == start.PYTHON
    assert machine.commands[1][-2:] == ["-e", ".[gallery]"]
    assert machine.commands[2] == [start.PYTHON, "-m", "passerby", "demo"]
    assert machine.compiled == 1
    assert machine.folders == {start.HERE}


def test_arguments_are_passed_through(machine: Machine, run: Run) -> None:
    assert run("demo", "--data", "a b", "--seed", "1") == 0
    assert machine.commands[-1][2:] == ["passerby", "demo", "--data", "a b", "--seed", "1"]
    assert run("test", "-x", "tests/losses") == 0
    assert machine.commands[-1][1:3] == ["-m", "pytest"]
    assert machine.commands[-1][-2:] == ["-x", "tests/losses"]


def test_tests_run_in_several_processes_unless_told_otherwise(
    start: ModuleType, machine: Machine, run: Run
) -> None:
    run("test", "-n", "0")
    assert machine.commands[-1][3:] == [*start.PARALLEL, "-n", "0"]  # the last -n counts


def test_a_second_run_installs_nothing(machine: Machine, run: Run) -> None:
    run("setup")
    assert machine.asked() == ["venv", "pip"]
    run("demo")
    assert machine.asked() == ["venv", "pip", "passerby"]


def test_only_the_tests_need_what_tests_need(machine: Machine, run: Run) -> None:
    run("demo")
    run("test")
    assert machine.asked() == ["venv", "pip", "passerby", "pip", "pytest"]
    assert machine.commands[3][-2:] == ["-e", ".[test]"]
    run("demo")
    run("test")
    assert machine.asked()[5:] == ["passerby", "pytest"]


def test_torch_comes_from_another_index_on_request(machine: Machine, run: Run) -> None:
    assert run("demo", "--torch-index", "https://example.org/cpu", "--seed", "1") == 0
    assert machine.asked() == ["venv", "pip", "passerby"]
    index = ["--extra-index-url", "https://example.org/cpu"]
    assert machine.commands[1][-4:] == [*index, "-e", ".[gallery]"]
    assert machine.commands[2][2:] == ["passerby", "demo", "--seed", "1"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch's plain build is small")
def test_without_a_gpu_the_smaller_build_is_offered(
    start: ModuleType, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=50e9), which=lambda _: None)
    monkeypatch.setattr(start, "shutil", disk)
    assert run("demo") == 0
    assert "add --torch-index URL" in capsys.readouterr().out


def test_a_changed_pyproject_installs_again(start: ModuleType, machine: Machine, run: Run) -> None:
    run("setup")
    Path(start.HERE, "pyproject.toml").write_text("[project]\nversion = 2\n", encoding="utf-8")
    run("setup")
    assert machine.asked() == ["venv", "pip", "pip"]
    run("setup")
    assert machine.asked() == ["venv", "pip", "pip"]


def test_a_moved_clone_installs_again(
    start: ModuleType, machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run("setup")
    clone = Path(start.HERE).rename(tmp_path / "moved")
    lay(start, clone, monkeypatch)
    run("setup")
    assert machine.asked()[2:] == ["pip"]


def test_a_removed_environment_is_made_again(start: ModuleType, machine: Machine, run: Run) -> None:
    run("setup")
    Path(start.PYTHON).unlink()
    run("setup")
    assert machine.asked() == ["venv", "pip", "venv", "pip"]


def test_commands_are_shown(
    start: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("setup")
    shown = capsys.readouterr().out
    assert f"> {sys.executable} -m venv {start.VENV}" in shown
    assert f"> {start.PYTHON} -m pip install" in shown
    assert str(Path(start.SCRIPTS, "activate")) in shown


@pytest.mark.parametrize("arguments", [(), ("demos",), ("--help",)])
def test_without_a_command_it_says_which_there_are(
    machine: Machine, run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(*arguments) == 2
    assert machine.commands == []
    shown = capsys.readouterr().err
    for command in ("demo", "test", "setup"):
        assert f"python start.py {command}" in shown


def test_an_old_python_is_told_what_to_do(
    start: ModuleType,
    machine: Machine,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    argv = ["start.py", "demo"]
    old = SimpleNamespace(
        argv=argv, version_info=(3, 10, 9), version="3.10.9 (main)", stderr=sys.stderr,
        exit=sys.exit, executable=sys.executable,
    )  # fmt: skip
    monkeypatch.setattr(start, "sys", old)
    assert run() == 2
    assert machine.commands == []
    shown = capsys.readouterr().err
    assert "needs Python 3.11 or newer; this is 3.10.9" in shown
    assert "python3.11 start.py demo" in shown


def test_an_old_python_can_read_the_file() -> None:
    ast.parse(FILE.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_only_the_standard_library_is_used() -> None:
    for node in ast.walk(ast.parse(FILE.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= sys.stdlib_module_names
        assert not isinstance(node, ast.ImportFrom)


def test_a_full_disk_is_told_before_anything_is_made(
    start: ModuleType,
    machine: Machine,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    disk = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=3.21e9))
    monkeypatch.setattr(start, "shutil", disk)
    assert run("test") == 2
    assert machine.commands == []
    shown = capsys.readouterr().err
    assert f"{start.HERE} has 3.2 GB free" in shown
    assert f"up to {start.GIGABYTES} GB" in shown


def test_a_full_disk_does_not_matter_when_all_is_installed(
    start: ModuleType, machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("test")
    disk = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(start, "shutil", disk)
    assert run("test") == 0
    assert machine.asked()[-1] == "pytest"


def test_a_failing_install_gives_advice_and_is_tried_again(
    machine: Machine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.fails = {"pip install": 7}
    assert run("demo") == 7
    shown = capsys.readouterr().out
    assert "If the package index could not be reached" in shown
    assert "If the disk is full" in shown
    assert "passerby" not in machine.asked()
    machine.fails = {}
    assert run("demo") == 0
    assert machine.asked() == ["venv", "pip", "pip", "passerby"]


def test_an_environment_without_pip_is_made_again(
    machine: Machine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the package python3-venv, Debian leaves a Python that has no pip."""
    machine.fails = {"-m venv": 1}
    assert run("demo") == 1
    assert "python3-venv" in capsys.readouterr().out
    machine.fails = {}
    assert run("demo") == 0
    assert machine.asked() == ["venv", "venv", "pip", "passerby"]


def test_the_exit_code_is_that_of_the_work(machine: Machine, run: Run) -> None:
    machine.fails = {"-m pytest": 1, "-m passerby": 130}
    assert run("test") == 1
    assert run("demo") == 130


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has exit codes in their place")
def test_a_crash_says_its_signal(
    machine: Machine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.fails = {"-m pytest": -11, "-m passerby": -100}
    assert run("test") == 128 + 11
    assert "ended by signal 11 (SIGSEGV)\n" in capsys.readouterr().out
    assert run("demo") == 128 + 100
    assert "ended by signal 100\n" in capsys.readouterr().out


def test_an_interruption_is_no_traceback(
    machine: Machine, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.interrupts = "pip install"
    assert run("demo") == 2
    assert capsys.readouterr().err == "stopped\n"
    assert machine.asked() == ["venv", "pip"]
