"""push(): refuses without a whole card, sends what a model is made of and nothing else."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import passerby
from passerby.sharing.model_card import write_model_card
from passerby.sharing.push import push
from passerby.sharing.statements import state
from passerby.tables.embeddings import Embeddings


class FakeApi:
    """Remembers what it is asked for; refuses with an error of its own where told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def create_repo(self, repository: str, **how: Any) -> str:
        self.asked.append((repository, how))
        return f"hub/{repository}"

    def upload_folder(self, **how: Any) -> None:
        if self.error is not None:
            raise self.error
        self.asked.append(("upload", how))


@pytest.fixture
def model(make_model: Callable[..., Path]) -> Path:
    """A model folder with all that a card needs, and files that concern nobody else."""
    folder = make_model(41)
    one = Embeddings([[1, 0], [0, 1]], [1, 2], [1, 1], sources=["lobby"] * 2)
    other = Embeddings([[1, 0.1], [0.1, 1]], [1, 2], [2, 2], sources=["lobby"] * 2)
    passerby.evaluate(one, other).to_json(folder / "report.json")
    state(folder, {"licence": "mit", "data_terms": "drawn", "weaknesses": ("crowds",)})
    write_model_card(folder)
    for name in ("state.pt", "metrics.jsonl", "calibration.json", "mine-0123456789abcdef.py"):
        (folder / name).write_text("x", encoding="utf-8")
    (folder / "targets").mkdir(exist_ok=True)
    return folder


WANTED = [
    "README.md",
    "calibration.json",
    "config.json",
    "mine-0123456789abcdef.py",
    "model.safetensors",
    "statements.json",
]


def test_a_model_is_sent_with_its_card_and_without_its_logs(model: Path) -> None:
    api = FakeApi()
    done = push(model, "owner/name", api=api)
    (repository, how), (_, sent) = api.asked
    assert (repository, how["private"]) == ("owner/name", True)
    assert sorted(sent["allow_patterns"]) == WANTED
    assert (sent["repo_id"], sent["folder_path"]) == ("owner/name", model)
    assert "are in hub/owner/name" in str(done)
    push(model, "owner/name", public=True, api=api)
    assert api.asked[2][1]["private"] is False


def test_a_dry_run_lists_files_and_sends_nothing(model: Path) -> None:
    api = FakeApi()
    listed = push(model, "owner/name", dry_run=True, api=api)
    assert api.asked == []
    assert list(listed.sizes) == WANTED
    assert listed.sizes["calibration.json"] == 1
    assert str(listed).endswith("would go to owner/name; nothing was sent")


def test_all_that_the_card_lacks_is_said(make_model: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="not complete") as refused:
        push(make_model(42), "owner/name", api=FakeApi())
    for gap in ("README.md", "licence", "training images", "weaknesses", "figures"):
        assert gap in str(refused.value)


@pytest.mark.parametrize("name", ["name", "a/b/c", "../x/y", "owner/na me", "https://x/y", ""])
def test_what_names_no_repository_is_refused(model: Path, name: str) -> None:
    with pytest.raises(ValueError, match="a repository is named owner/name"):
        push(model, name, api=FakeApi())


def test_the_hubs_refusal_is_told(model: Path) -> None:
    with pytest.raises(ValueError, match="the hub did not take owner/name: no way"):
        push(model, "owner/name", api=FakeApi(OSError("no way")))


def test_without_the_extra_there_is_advice(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ValueError, match=r'pip install "passerby\[hub\]"'):
        push(model, "owner/name")
    assert push(model, "owner/name", dry_run=True).address == ""


def test_the_commands(
    passerby_command: Callable[..., Any], make_model: Callable[..., Path]
) -> None:
    folder = make_model(43)
    done = passerby_command("card", folder, "--licence", "mit", "--weakness", "crowds")
    assert (done.code, done.err) == (0, "")
    assert "it lacks\n- where the training images are from" in done.out
    assert 'license: "mit"' in (folder / "README.md").read_text(encoding="utf-8")
    refused = passerby_command("push", folder, "owner/name", "--dry-run")
    assert refused.code == 2
    assert "the model card of" in refused.err
    assert "licence" not in refused.err


def test_dry_run_command(passerby_command: Callable[..., Any], model: Path) -> None:
    done = passerby_command("push", model, "owner/name", "--dry-run")
    assert (done.code, done.err) == (0, "")
    assert "model.safetensors" in done.out
    assert "nothing was sent" in done.out
