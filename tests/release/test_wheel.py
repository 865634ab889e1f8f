"""The wheel: whole, pure, and used in an environment of its own, without extras and with all."""

import json
import sys
import zipfile

import numpy as np
import pyarrow
import pytest
from packaging.utils import canonicalize_name
from pyarrow import parquet
from safetensors.numpy import save_file

from passerby.extras import EXTRAS, install
from passerby.tables.embeddings import Embeddings
from passerby.version import __version__
from release.dependencies import ROOT, closure, direct, project
from tests.release.environments import Environment, build, ended_well, installed, link

# Runs commands one after the other in one process: [words] -> [code, output, complaint].
RUN_EACH = """
import io, json, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from passerby.cli.app import main
answers = []
for words in json.loads(sys.argv[1]):
    sys.argv = ["passerby", *words]
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as leave:
            code = leave.code or 0
        except Exception:
            code = 1
            traceback.print_exc()
    answers.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(answers))
"""

TRAIN = "train table1_ours(scale=compact) --data small --set sampling.persons=4"
NEEDS = {
    "gallery": ["gallery create lobby", "gallery show lobby"],
    "parquet": [
        "train table1_ours --data table.parquet --out never",
        "embed table.parquet --out never.npz",
        "embed small --parts --out never",
    ],
    "video": ["watch clip.mp4", "data site never"],
    "serve": ["serve --gallery lobby"],
    "mcp": ["mcp --gallery memory://lobby"],
    "milvus": ["gallery create milvus://localhost:1/lobby"],
    "alerts": ["frigate mqtt://localhost:1/passerby --gallery memory://lobby"],
    "postgres": ["gallery create postgres://localhost:1/here/lobby"],
    "yaml": ["convert-config peer.yml --out never.json"],
    "openvino": ["embed small --out never.npz --model default-int8"],
    "export": [
        "embed small --out never.npz --runtime onnx",
        "embed small --out never.npz --runtime openvino",
        "export default --out never --to onnx",
        "export default --out never --to openvino",
    ],
    "imagenet": ["train people_lite0 --data small --set sampling.persons=4 --out never"],
    "timm": ["convert weights.safetensors --from timm --architecture resnet18 --out never"],
    "tensorboard": [f"{TRAIN} --out never --tensorboard"],
    "mlflow": [f"{TRAIN} --out never --track mlflow"],
    "wandb": [f"{TRAIN} --out never --track wandb"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(sdist, wheel)."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def bare(made, tmp_path_factory):
    """Passerby's wheel with what it needs, and no extra."""
    folder = tmp_path_factory.mktemp("environments")
    try:
        return installed(made[1], folder / "bare", closure().values())
    except OSError as error:
        if sys.platform != "win32":
            raise
        pytest.skip(f"Windows lets nobody link files here: {error}")


@pytest.fixture
def home(tmp_path_factory):
    """A folder of its own to work in."""
    return tmp_path_factory.mktemp("home")


def drawn(environment, home):
    """The folder of a small synthetic set, made by the installed command."""
    made = ["--train-persons", "4", "--test-persons", "4", "--cameras", "2", "--images", "2"]
    done = environment.run("data", "synthesize", "small", *made, home=home)
    assert done.returncode == 0, done.stderr
    return home / "small"


def run_each(environment, commands, home):
    done = environment.runs(RUN_EACH, home, json.dumps([words.split() for words in commands]))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_wheel_is_pure_and_holds_every_file(made):
    _, wheel = made
    assert wheel.name == f"passerby-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "passerby").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "passerby/py.typed" in files
    assert inside == files


def test_the_checkers_of_packages_are_content(made):
    told = ended_well([sys.executable, "-m", "twine", "check", "--strict", *made])
    assert told.count("PASSED") == len(made)
    told = ended_well([sys.executable, "-m", "check_wheel_contents", made[1]], cwd=ROOT)
    assert told.rstrip().endswith(": OK")


def test_extras_are_what_pyproject_says():
    _, extras = project()
    ours = {*extras} - {"all", "docs", "release", "test", "mqtt"}
    assert ours == {*EXTRAS}
    for extra in ours:
        assert {*direct(extra)} <= {*EXTRAS[extra]}, extra
        assert {*EXTRAS[extra]} <= {*direct(extra), "pyarrow", "onnxruntime"}, extra
    (everything,) = extras["all"]
    named = {*everything.removeprefix("passerby[").removesuffix("]").split(",")}
    assert named >= ours - {"parquet", "onnx", "openvino", "mlflow", "wandb"}  # those others bring


def test_without_extras_it_trains_and_evaluates_and_says_what_else_needs(bare, home):
    drawn(bare, home)
    (home / "table.parquet").write_bytes(b"PAR1")
    (home / "peer.yml").write_text("MODEL: {}\n", "utf-8")
    save_file({"weight": np.zeros(1, np.float32)}, home / "weights.safetensors")
    works = [
        "doctor --no-speed",
        f"{TRAIN} --out run --set epochs=1 --set input.height=32 --set input.width=16",
        "evaluate run --data small",
        "gallery create memory://lobby",
    ]
    # What runs an ONNX file, or pushes a whole model card, has its own tests.
    assert NEEDS.keys() == EXTRAS.keys() - {"onnx", "hub"}
    asked = [(extra, words) for extra, commands in NEEDS.items() for words in commands]
    answers = run_each(bare, [*works, *(words for _, words in asked)], home)
    assert [code for code, *_ in answers[: len(works)]] == [0] * len(works), answers
    assert answers[2][1].startswith("rank-1 ")
    for (extra, words), (code, _, said) in zip(asked, answers[len(works) :], strict=True):
        assert code == 2, words + said
        assert said.startswith("passerby: "), words + said
        assert install(extra) in said, words + said
        assert said.count("\n") == 1, words + said
    assert [*home.glob("never*")] == []


def test_with_extras_it_keeps_galleries_reads_parquet_and_runs_elsewhere(bare, home):
    everything = Environment(bare.folder, link(closure(["all"]).values(), home / "linked"))
    images = [f"small/query/{file.name}" for file in drawn(everything, home).glob("query/*.jpg")]
    parquet.write_table(pyarrow.table({"image": images}), home / "table.parquet")
    answers = run_each(
        everything,
        [
            "gallery create lobby",
            "gallery add lobby small --part test",
            f"gallery search lobby {images[0]}",
            "embed table.parquet --out torch.npz",
            "embed table.parquet --out int8.npz --model default-int8",
        ],
        home,
    )
    assert [code for code, *_ in answers] == [0] * len(answers), answers
    assert images[0].rpartition("/")[2] in answers[2][1]
    found = [Embeddings.load(home / f"{name}.npz").vectors for name in ("torch", "int8")]
    directions = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in found]
    assert len(found[0]) == len(images) > 0
    assert (directions[0] * directions[1]).sum(axis=1).min() > 0.9  # in 8 bits


def test_the_bill_of_materials_names_what_comes_along(bare, home):
    """As the release makes it, in CycloneDX."""
    tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--pyproject"]
    ended_well([*tool, ROOT / "pyproject.toml", "--output-file", home / "bill.json", bare.python])
    bill = json.loads((home / "bill.json").read_text("utf-8"))
    whole = bill["metadata"]["component"]
    assert (whole["name"], whole["version"]) == ("passerby", __version__)
    named = {canonicalize_name(component["name"]) for component in bill["components"]}
    assert named == {*closure()}
