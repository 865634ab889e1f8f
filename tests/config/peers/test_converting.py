"""passerby convert-config: bases, strangers' files, what the command says and refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

from passerby.cli.models import convert_config
from passerby.config import open_recipe
from passerby.config.peers.yaml_files import read_yaml


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / next(iter(files))


def test_bases_are_read_from_the_files_folder(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {
            "market/a.yml": "_BASE_: ../b.yml\nSOLVER: {MAX_EPOCH: 3, STEPS: [1]}",
            "b.yml": "_BASE_: c.yml\nSOLVER: {MAX_EPOCH: 2, GAMMA: 0.5}",
            "c.yml": "SOLVER: {MAX_EPOCH: 1, OPT: SGD, STEPS: '(7, 8)'}",
        },
    )
    values, bases = read_yaml(file)
    assert values == {
        "SOLVER.MAX_EPOCH": 3,
        "SOLVER.OPT": "SGD",
        "SOLVER.STEPS": [1],
        "SOLVER.GAMMA": 0.5,
    }
    assert [base.name for base in bases] == ["b.yml", "c.yml"]


def test_bases_elsewhere_are_refused_unless_named(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        {"p/configs/x/a.yml": "_BASE_: ../../../b.yml\n", "b.yml": "SOLVER: {OPT: SGD}"},
    )
    with pytest.raises(ValueError, match=r"lies outside .*--bases"):
        read_yaml(file)
    assert read_yaml(file, tmp_path)[0] == {"SOLVER.OPT": "SGD"}
    (file.parent / "link.yml").symlink_to(tmp_path / "b.yml")
    file.write_text("_BASE_: link.yml")
    with pytest.raises(ValueError, match="lies outside"):
        read_yaml(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_BASE_: a.yml", "no end"),
        ("_BASE_: /etc/passwd", "must name a .yml"),
        ("_BASE_: [1]", "must name a .yml"),
        ("a: !!python/object/apply:os.system [ls]", "it is not YAML that is read"),
        ("a: &a [x]\nb: [*a, *a]", "line 2: aliases are not read"),
        ("a: [", "it is not YAML"),
        ("- a", "expected keys with values"),
        ("1: a", "1 is no key"),
        ("'a\\u001b': 1", "no key"),
        ("a: " + "[" * 50_000, "nested deeper"),
        ("\n".join(" " * n + "a:" for n in range(30)), "nested deeper"),
        ("#" * 100_001, "no configuration"),
        ("a: \x00", "not YAML"),
    ],
)
def test_strangers_files_are_read_within_bounds(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, {"a.yml": text})
    with pytest.raises(ValueError, match=message):
        read_yaml(file)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, {"own.yml": "_BASE_: base.yml\nSOLVER: {OPT: Lamb, X: 1}",
                            "base.yml": "DATASETS: {NAMES: [MSMT17]}"})  # fmt: skip
    out = tmp_path / "own.json"
    convert_config(str(file), out=str(out), set=("epochs=7",))
    said = capsys.readouterr().out
    assert "of FastReID, on base.yml" in said
    assert "there is no 'Lamb' here; optimizer.name is adam" in said
    assert "unknown, and left out: 1" in said
    assert '--data "msmt17(val=separate)=ROOT"' in said
    assert open_recipe(str(out)).epochs == 7


def test_what_the_command_refuses(tmp_path: Path) -> None:
    file = str(write(tmp_path, {"own.yml": "SOLVER: {OPT: SGD}", "there.json": ""}))
    refused: list[tuple[Callable[[], None], str]] = [
        (lambda: convert_config(file, out="own.yml"), "must end in .json"),
        (lambda: convert_config(file, out=str(tmp_path / "there.json")), "nothing is replaced"),
        (lambda: convert_config(file, out=str(tmp_path / "a.json"), images=0), "--images"),
        (lambda: convert_config(file, out=str(tmp_path / "a.json"), images=9), "make no batch"),
        (lambda: convert_config(file, out=str(tmp_path / "a.json"), bases="none"), "no folder"),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()
    assert not (tmp_path / "a.json").exists()
