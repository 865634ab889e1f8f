"""What all tests share: fixtures, repeatable property tests, and one thread."""

import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from types import ModuleType
from unittest import mock

import numpy as np
import pytest
import simplejpeg
import torch
from hypothesis import settings

from passerby.config import Input, LossTerm, Network, Optimizer, Recipe, Sampling, Schedule
from passerby.data.reading.reader import read_split
from passerby.models.checkpoint import Card, save_model
from passerby.models.system import build_model
from passerby.process.reporting import Advance, Reporter, reporting_to
from passerby.synthesis.writing import write
from passerby.tables.records import Split

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

pytest_plugins = ["tests.process_state", "tests.sharing_out"]

# A crash of what a test starts says where, as pytest lets its own do.
os.environ.setdefault("PYTHONFAULTHANDLER", "1")

torch.set_num_threads(1)  # a second one waits more than it computes


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--long`` runs in full what is otherwise a sample."""
    parser.addoption("--long", action="store_true", help="run the slow trials in full")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``trial`` runs once, and fifty times with ``--long``."""
    if "trial" in metafunc.fixturenames:
        metafunc.parametrize("trial", range(50 if metafunc.config.getoption("long") else 1))


@dataclass(frozen=True)
class Done:
    """A command that has ended: exit code, what it printed and what it complained of."""

    code: int
    out: str
    err: str


class Parsed(BaseException):
    """Raised in place of a command's work: its arguments were understood."""


RunCommand = Callable[..., Done]
ParseCommand = Callable[[Sequence[str]], None]
MakeImages = Callable[[Path, Iterable[str]], Path]
MakeModel = Callable[..., Path]
DrawCrop = Callable[[Path, int], Path]
PeerCode = Callable[[str, str], ModuleType]


@pytest.fixture(scope="session")
def people() -> Path:
    """Real person crops in Market-1501 layout, beside the repository; skips where absent."""
    root = Path(__file__).resolve().parents[2] / "shared" / "data" / "people"
    if not root.is_dir():
        pytest.skip(f"real images are not at {root}")
    return root


@pytest.fixture
def peer_code(monkeypatch: pytest.MonkeyPatch) -> Iterator[PeerCode]:
    """Import a module of an author's repository; skips where its checkout is absent.

    peer_code("reid-strong-baseline", "modeling.baseline"): from the checkout of that name below
    the folder that the environment variable PASSERBY_PEERS names. Its modules are forgotten after
    the test, since several repositories call theirs alike.
    """
    before = set(sys.modules)

    def load(repository: str, module: str) -> ModuleType:
        root = Path(os.environ.get("PASSERBY_PEERS", "")) / repository
        if not os.environ.get("PASSERBY_PEERS") or not root.is_dir():
            pytest.skip(f"no checkout of {repository} below $PASSERBY_PEERS")
        monkeypatch.syspath_prepend(root)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were written for older libraries
            try:
                return importlib.import_module(module)
            except ModuleNotFoundError as error:
                if error.name and module.startswith(error.name):
                    raise  # a checkout that lacks it is another one
                pytest.skip(f"{repository} needs {error.name}, which is not installed")

    yield load
    peers = os.environ.get("PASSERBY_PEERS", "")
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        # A folder without __init__.py is a module without a file.
        path = getattr(module, "__path__", ())
        homes = [getattr(module, "__file__", None), *(path if isinstance(path, Iterable) else ())]
        if peers and any(str(home or "").startswith(peers) for home in homes):
            del sys.modules[name]


@pytest.fixture(scope="session")
def make_images() -> MakeImages:
    """Writes a small JPEG, each another, under every name below a folder; returns the folder."""
    random = np.random.default_rng(0)

    def make(folder: Path, names: Iterable[str]) -> Path:
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, (16, 8, 3), np.uint8)
            path.write_bytes(simplejpeg.encode_jpeg(pixels))
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve train and six test persons, three cameras, drawn once."""
    root = tmp_path_factory.mktemp("tiny") / "set"
    return write(
        root, seed=0, train_persons=12, test_persons=6, cameras=3, images=2, distractors=3, junk=2
    )


@pytest.fixture(scope="session")
def tiny(tiny_root: Path) -> Split:
    """The tiny set, read."""
    return read_split(str(tiny_root))


@pytest.fixture
def recipe() -> Recipe:
    """The paper's system, two epochs of ResNet-18 at 64×32."""
    return Recipe(
        name="tiny",
        epochs=2,
        input=Input(height=64, width=32),
        network=Network(
            "resnet18(last_stride=1)", attention="cbam", classifier="circle(scale=64.0)"
        ),
        augmentations=("flip", "pad_and_crop(padding=3)", "erase"),
        sampling=Sampling(persons=4, images=4),
        losses=(LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)")),
        optimizer=Optimizer("adam", rate=3.5e-4),
        schedule=Schedule("step", warm_up=1.0, steps=(2,)),
    )


def run_here(*arguments: object) -> Done:
    """Run ``passerby ARGUMENTS`` in this process, through the command's own entry.

    A command may set variables of the environment, which is its process's own: here they go again.
    """
    from passerby.cli.app import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        mock.patch.dict(os.environ),
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["passerby", *map(str, arguments)])
        try:
            main()
        except SystemExit as leave:
            code = leave.code if isinstance(leave.code, int) else 1
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def passerby_command() -> RunCommand:
    """Runs a command in this process: ``passerby_command("list", "losses").out``."""
    return run_here


@pytest.fixture
def parse_command(monkeypatch: pytest.MonkeyPatch) -> ParseCommand:
    """Fails unless a command line is understood; its work is left undone."""

    def parsed(*_: object, **__: object) -> None:
        raise Parsed

    # What the commands call first, each imported when they run.
    places = (
        "passerby.config.open_recipe",
        "passerby.data.check.check_data",
        "passerby.data.crops.read_crops",
        "passerby.data.reading.reader.read_split",
        "passerby.synthesis.motion.writing.write_site",
        "passerby.synthesis.writing.write",
        "passerby.demo.demo",
        "passerby.embedding.embedder.load",
        "passerby.explanation.subject.open_subject",
        "passerby.export.exporting.export_model",
        "passerby.assessment.score.score",
        "passerby.assessment.verify.query_and_gallery",
        "passerby.evaluation.report.Report.from_json",
        "passerby.cli.options.Labels.of",
        "passerby.config.peers.converting.convert_config",
        "passerby.cli.options.Filter.where",
        "passerby.fine_tuning.pseudo_persons.gallery_of_crops",
        "passerby.gallery.case.verifying.verify_case",
        "passerby.gallery.gallery.Gallery.open",
        "passerby.gallery.gallery.Gallery.restore",
        "passerby.models.checkpoint.read_card",
        "passerby.models.convert.convert_weights",
        "passerby.serve.running.run",
        "passerby.serve.state.state_folder",
        "passerby.sharing.push.push",
        "passerby.weights.pull.pull",
        "passerby.weights.pull.published_listing",
        "passerby.registry.listing",
        "passerby.cli.systems_table.systems_listing",
        "passerby.studies.ablation_seeds.read_seeds",
        "passerby.studies.run_table.read_runs",
        "passerby.video.sources.opening.open_source",
    )
    # All are imported first: a module imported between the changes would keep a changed name.
    for place in places:
        resolve_name(place)
    for place in places:
        monkeypatch.setattr(place, parsed)

    def parse(arguments: Sequence[str]) -> None:
        try:
            done = run_here(*arguments)
        except Parsed:
            return
        if done.code == 0 and "--tyro-print-completion" in arguments:
            return  # which is printed before any command is called
        pytest.fail(f"passerby {' '.join(arguments)}: {done.err or done.out}")

    return parse


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> MakeModel:
    """Makes a MODEL folder with random weights; another seed or system makes another model."""

    def make(seed: int = 0, system: str = "") -> Path:
        network = Network("resnet18", system=system) if system else Network("resnet18")
        recipe = Recipe(f"small{seed}", input=Input(height=32, width=16), network=network)
        folder = tmp_path_factory.mktemp("models") / f"small{seed}"
        torch.manual_seed(seed)
        save_model(folder, build_model(network, 0), Card(recipe, 0, seed, 0))
        return folder

    return make


@pytest.fixture(scope="session")
def small_model(make_model: MakeModel) -> Path:
    """A MODEL folder for tests that only need vectors."""
    return make_model(0)


@pytest.fixture(scope="session")
def draw_crop() -> DrawCrop:
    """Draws a small JPEG of noise, another one for another seed; returns its path."""

    def draw(path: Path, seed: int) -> Path:
        pixels = np.random.default_rng(seed).integers(0, 256, (24, 12, 3), np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(pixels))
        return path

    return draw


@pytest.fixture
def crops(tmp_path: Path, draw_crop: DrawCrop) -> Path:
    """A folder of ten different crops named like Market-1501's: 5 persons, each by 2 cameras."""
    for number in range(10):
        name = f"{number // 2 + 1:04d}_c{number % 2 + 1}s1_{number:06d}_01.jpg"
        draw_crop(tmp_path / "crops" / name, number)
    return tmp_path / "crops"


class Steps(list[tuple[float, float]]):
    """(done, total) of each step of some work; at_each: what is done at a step."""

    def __init__(self) -> None:
        super().__init__()
        self.at_each: Callable[[float, float], object] = lambda done, total: None

    def interrupt(self, done: float, total: float) -> None:
        """Ctrl-C."""
        raise KeyboardInterrupt


@pytest.fixture
def steps() -> Iterator[Steps]:
    """The steps that are told while the test runs."""
    told = Steps()

    class Recorder(Reporter):
        @contextmanager
        def progress(self, text: str) -> Iterator[Advance]:
            def advance(done: float, total: float, note: str = "") -> None:
                told.append((done, total))
                told.at_each(done, total)

            yield advance

    with reporting_to(Recorder()):
        yield told
