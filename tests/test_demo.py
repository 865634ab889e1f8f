"""The demo, on a set small enough for seconds: what its page holds, and that it goes on."""

import base64
import io
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from passerby import demo as demo_module
from passerby.demo import demo
from passerby.models.checkpoint import read_card
from passerby.training.record.logbook import read_metrics
from passerby.training.step.learner import Learner

METHODS = ("colour histogram", "untrained network", "the paper's system")


class Page(HTMLParser):
    """Text, addresses and the words of drawings of a report page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.text, self.addresses, self.tags = "", [], []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "data", "action")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def small_demo(
    tiny_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """A finished demo without --data, whose synthetic set is the tiny one: out, page, shown."""
    out = tmp_path_factory.mktemp("demo") / "a [demo]"

    def write(root: Path, **options: object) -> Path:
        assert options["seed"] == 1
        return root if root.exists() else Path(shutil.copytree(tiny_root, root))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_module, "write", write)
        patch.setattr(demo_module, "TRAINING_IMAGES", 96)  # two epochs of 12 persons × 4 images
        with redirect_stdout(io.StringIO()) as screen:
            path = demo(None, out, seed=1)
        yield SimpleNamespace(out=out, path=path, page=Page(path), shown=screen.getvalue())


def test_it_trains_within_its_budget(small_demo: SimpleNamespace) -> None:
    card = read_card(small_demo.out / "run")
    assert card.seed == 1
    assert card.recipe.epochs == len(read_metrics(small_demo.out / "run" / "metrics.jsonl")) == 2
    assert card.recipe.network.attention == "cbam"
    assert card.recipe.network.classifier.startswith("circle")
    assert card.recipe.sampling.persons == 12  # the recipe's 16 are more than there are


def test_the_page_is_one_file(small_demo: SimpleNamespace) -> None:
    assert small_demo.path == small_demo.out / "report.html"
    page = small_demo.page
    assert not {"script", "iframe", "object"} & set(page.tags)
    assert page.addresses
    assert all(address.startswith(("data:", "#")) for address in page.addresses)
    assert not re.search(r"url\(\s*['\"]?(?!#|data:)", page.source)
    assert "@import" not in page.source


def test_the_page_holds_the_three_methods(small_demo: SimpleNamespace) -> None:
    text = small_demo.page.text
    for method in METHODS:
        assert method in text
        (line,) = [line for line in small_demo.shown.splitlines() if line.startswith(method)]
        found = re.search(r"rank-1 ([\d.]+)", line)
        assert found is not None
        assert f"{float(found[1]):.1f}" in text


def test_the_page_holds_camera_pairs_curves_and_pictures(small_demo: SimpleNamespace) -> None:
    page = small_demo.page
    assert page.tags.count("svg") >= 3
    told = page.text + " ".join(re.findall(r'aria-label="([^"]*)"', page.source))
    assert "rank-1 by camera pair, synthetic" in told
    for term in ("cross entropy", "triplet"):
        assert f"Loss: {term}" in told
        assert re.search(rf"{term}: [\d.]+ at 2", told), term  # a point of its curve
    assert f"{METHODS[2]}, query " in told
    assert f"{METHODS[0]}, query " in told
    pictures = [a for a in page.addresses if a.startswith("data:image/")]
    # Four of the system, one of the histogram, in both colours; maps and matches.
    assert len(pictures) == 2 * 5 + 2
    for title in ("Where the model looks", "What made the matches", "Map of embeddings", "ROC"):
        assert title in told
    assert "3 lines: the paper's system, colour histogram, untrained network." in told
    for address in pictures:
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
            assert min(image.size) > 100
    with Image.open(small_demo.out / "histogram.png") as image:
        assert image.width > 500


def test_the_page_says_how_it_was_made(small_demo: SimpleNamespace) -> None:
    text = small_demo.page.text
    assert "72 train images of 12 persons" in text
    assert "demo, 2 epochs, seed 1" in text
    assert f'passerby demo --out "{small_demo.out}" --seed 1' in text
    assert "minutes in all" in text


def test_the_next_steps_are_commands_that_exist(
    small_demo: SimpleNamespace, parse_command: object
) -> None:
    assert f"Open {small_demo.path.resolve()}" in small_demo.shown
    steps = small_demo.shown.partition("What to try next:")[2].strip().splitlines()
    assert len(steps) == 5
    for step in steps:
        what, _, command = step.strip().partition(": passerby ")
        assert what in small_demo.page.text
        assert command in small_demo.page.text
        arguments = shlex.split(command)
        parse_command(arguments)  # type: ignore[operator]
        if arguments[0] != "demo":
            assert (
                arguments[arguments.index("--data") + 1] == f"synthetic={small_demo.out / 'data'}"
            )


def test_called_again_it_trains_nothing(
    small_demo: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    weights = (small_demo.out / "run" / "model.safetensors").read_bytes()
    monkeypatch.setattr(Learner, "step", lambda *_: pytest.fail("trained again"))
    root = str(small_demo.out / "data")
    path = demo(root, small_demo.out, seed=1)  # the same set, named
    assert (small_demo.out / "run" / "model.safetensors").read_bytes() == weights
    scores = [line for line in small_demo.shown.splitlines() if line.startswith(METHODS)]
    assert [
        line for line in capsys.readouterr().out.splitlines() if line.startswith(METHODS)
    ] == scores
    again = Page(path)
    assert f'passerby demo --data "{root}" --out "{small_demo.out}" --seed 1' in again.text
    assert f'--data "{root}" --out lists' in again.text


def test_a_set_without_a_train_part_is_refused(
    tiny_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("query", "bounding_box_test"):
        shutil.copytree(tiny_root / part, tmp_path / "set" / part)
    with pytest.raises(ValueError, match=r"needs train, query and gallery; found \['query', 'gall"):
        demo(str(tmp_path / "set"), tmp_path / "out")
    assert "bounding_box_train" in capsys.readouterr().out  # the check shows what was expected
    assert list((tmp_path / "out").iterdir()) == []


def test_another_seed_in_the_same_folder_is_refused(small_demo: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="another recipe or seed"):
        demo(str(small_demo.out / "data"), small_demo.out, seed=2)
