"""Models on disk: round trip, damage, newer formats, and no pickle."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from passerby.config import Input, Network, Recipe, allow_imports, files, open_recipe
from passerby.models.checkpoint import (
    Card,
    fingerprint,
    is_whole,
    load_model,
    read_card,
    save_model,
)
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from passerby.registry import SYSTEMS
from passerby.tables.records import Split
from tests.conftest import RunCommand

RECIPE = Recipe(
    "small",
    input=Input(height=64, width=32, filter="bicubic", antialias=False),
    network=Network("resnet18", attention="cbam", classifier="circle"),
)


def _save(folder: Path) -> tuple[Plain, Card]:
    torch.manual_seed(0)
    model = Plain(RECIPE.network, persons=5)
    card = Card(RECIPE, persons=5, seed=3, epoch=7, training_persons=("made/1",), scores={"a": 1.0})
    return model, save_model(folder, model, card)


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    model, card = _save(tmp_path)
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        expected = model.eval()(images)
        loaded, stored = load_model(tmp_path)
        whole, _ = load_model(tmp_path, classifier=True)
        assert torch.equal(loaded(images).embedding, expected.embedding)
        assert torch.equal(whole(images).parts[0].similarities, expected.parts[0].similarities)
    assert loaded.classifier is None
    assert not loaded.training
    assert stored == card == read_card(tmp_path)
    assert stored.recipe.input == RECIPE.input
    assert stored.fingerprint == fingerprint(loaded.state_dict()) == fingerprint(whole.state_dict())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_saving_again_replaces_and_other_weights_have_another_fingerprint(tmp_path: Path) -> None:
    model, card = _save(tmp_path)
    with torch.no_grad():
        model.backbone.conv1.weight.add_(1)  # type: ignore[union-attr,operator]
    assert save_model(tmp_path, model, card).fingerprint != card.fingerprint
    assert read_card(tmp_path).fingerprint != card.fingerprint


@pytest.mark.hostile
def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected model\.safetensors and config\.json"):
        load_model(tmp_path)
    _save(tmp_path)
    weights = tmp_path / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        load_model(tmp_path)
    weights.write_bytes(data)
    config = tmp_path / "config.json"
    content = json.loads(config.read_text(encoding="utf-8"))
    for change, message in (
        ({"format": 99}, "newer Passerby"),
        ({"recipe": {"name": "x", "epoch": 3}}, "unknown field 'epoch'; did you mean 'epochs'"),
        ({"surprise": 1}, "not a model's config"),
    ):
        config.write_text(json.dumps({**content, **change}), encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            load_model(tmp_path)
    config.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="not a model's config"):
        load_model(tmp_path)


def test_weights_that_do_not_fit_their_card_are_refused(tmp_path: Path) -> None:
    _save(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(
        config.read_text(encoding="utf-8").replace('"cbam"', '"se"'), encoding="utf-8"
    )
    with pytest.raises(ValueError, match="do not fit"):
        load_model(tmp_path)


OWN = '''
from passerby import Recipe
from passerby.config import Network
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from passerby.registry import SYSTEMS
from passerby.tables.records import Split
from tests.conftest import RunCommand


@SYSTEMS.register
class OwnSystem(Plain):
    """The plain network under a name of its own."""


def mine() -> Recipe:
    return Recipe("mine", network=Network("resnet18", system="own_system"))
'''


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """As a process begins that has run no file of a user's; what the test runs is taken back."""
    known = {name: SYSTEMS.get(name) for name in SYSTEMS.names()}

    def forget() -> None:
        monkeypatch.setattr(SYSTEMS, "_found", dict(known))
        for name, empty in (("_imported", {}), ("_sources", {}), ("_allowed", [])):
            monkeypatch.setattr(files, name, empty)

    forget()
    return forget


def _save_own(folder: Path) -> Path:
    """A model with a system of the user's own file; the file."""
    own = folder / "own.py"
    own.write_text(OWN, encoding="utf-8")
    recipe = open_recipe(f"{own}:mine")
    torch.manual_seed(0)
    save_model(folder / "model", build_model(recipe.network, 0), Card(recipe, 0, 0, 1))
    return own


def test_a_users_file_is_stored_with_the_model_and_run_when_asked(
    tmp_path: Path, fresh: Callable[[], None]
) -> None:
    own = _save_own(tmp_path)
    digest = hashlib.sha256(own.read_bytes()).hexdigest()
    stored = tmp_path / "model" / f"own-{digest[:16]}.py"
    assert stored.read_bytes() == own.read_bytes()
    assert read_card(tmp_path / "model").data == {
        "components_from": [{"file": "own.py", "sha256": digest}]
    }
    expected = fingerprint(load_model(tmp_path / "model")[0].state_dict())  # here it has been run
    fresh()
    with pytest.raises(ValueError, match=r"named 'own_system'.* no code is run unasked") as refused:
        load_model(tmp_path / "model")
    assert f"--import {stored}" in str(refused.value)
    allow_imports([str(stored)])
    loaded, _ = load_model(tmp_path / "model")
    assert type(loaded).__name__ == "OwnSystem"
    assert fingerprint(loaded.state_dict()) == expected
    assert _save(tmp_path / "plain")[1].data == {}


@pytest.mark.hostile
def test_another_file_than_the_models_is_not_run(tmp_path: Path, fresh: Callable[[], None]) -> None:
    own = _save_own(tmp_path)
    fresh()
    ran = tmp_path / "ran"
    own.write_text(f"{OWN}\nopen({str(ran)!r}, 'w').close()\n", encoding="utf-8")
    allow_imports([own])
    with pytest.raises(ValueError, match=r"own\.py \(SHA-256 .*no code is run unasked"):
        load_model(tmp_path / "model")
    assert not ran.exists()
    open_recipe(f"{own}:mine")  # the user runs it: the name is known now, and means another thing
    with pytest.raises(ValueError, match=r"own\.py is not what the model in .* was trained with"):
        load_model(tmp_path / "model")
    fresh()
    allow_imports([tmp_path / "nothing.py"])
    with pytest.raises(ValueError, match=r"--import .*nothing\.py: there is no such file"):
        load_model(tmp_path / "model")


def test_commands_take_the_file(
    tmp_path: Path, fresh: Callable[[], None], tiny: Split, passerby_command: RunCommand
) -> None:
    own = _save_own(tmp_path)
    images = [str(record.image) for record in tiny.query[:2]]
    fresh()
    refused = passerby_command("compare", *images, "--model", str(tmp_path / "model"))
    assert refused.code == 2
    assert "--import" in refused.err
    done = passerby_command(
        "compare", *images, "--model", str(tmp_path / "model"), "--import", str(own)
    )
    assert (done.code, "cosine distance" in done.out) == (0, True), done.err


@pytest.mark.hostile
@pytest.mark.parametrize("components", ["own.py", ["own.py"], [{"file": 1}], [{"sha256": "x"}]])
def test_a_card_that_names_components_wrongly_is_refused(
    components: object, tmp_path: Path
) -> None:
    _save(tmp_path)
    config = tmp_path / "config.json"
    content = json.loads(config.read_text(encoding="utf-8"))
    content["data"]["components_from"] = components
    config.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"config\.json: .*components_from"):
        load_model(tmp_path)


def test_half_precision_is_half_the_size_and_the_fingerprint_is_of_what_is_read(
    tmp_path: Path,
) -> None:
    model, whole = _save(tmp_path / "whole")
    half = save_model(tmp_path / "half", model, whole, half=True)
    sizes = [(tmp_path / n / "model.safetensors").stat().st_size for n in ("half", "whole")]
    assert sizes[0] < 0.55 * sizes[1]
    assert is_whole(tmp_path / "half")
    loaded, stored = load_model(tmp_path / "half")
    state = loaded.state_dict()
    assert stored.fingerprint == half.fingerprint == fingerprint(state) != whole.fingerprint
    assert {v.dtype for v in state.values()} == {torch.float32, torch.int64}
    for name, value in state.items():
        torch.testing.assert_close(value, model.state_dict()[name], rtol=1e-3, atol=1e-7)


def test_weights_beyond_half_precision_are_named(tmp_path: Path) -> None:
    model, card = _save(tmp_path)
    with torch.no_grad():
        model.backbone.conv1.weight.mul_(1e7)  # type: ignore[union-attr,operator]
    with pytest.raises(ValueError, match=r"backbone.conv1.weight holds values beyond ±65504"):
        save_model(tmp_path / "half", model, card, half=True)
