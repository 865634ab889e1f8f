"""Models on disk: round trip, damage, newer formats, and no pickle."""

import json
from pathlib import Path

import pytest
import torch

from passerby.config import Input, Network, Recipe, open_recipe
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


@SYSTEMS.register
class OwnSystem(Plain):
    """The plain network under a name of its own."""


def mine() -> Recipe:
    return Recipe("mine", network=Network("resnet18", system="own_system"))
'''


def test_a_component_that_is_not_known_is_named_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(SYSTEMS, "_found", {name: SYSTEMS.get(name) for name in SYSTEMS.names()})
        recipe = open_recipe(f"{tmp_path / 'own.py'}:mine")
        model = build_model(recipe.network, 0)
        card = save_model(tmp_path / "model", model, Card(recipe, persons=0, seed=0, epoch=1))
        assert card.data == {"components_from": ["own.py"]}
        load_model(tmp_path / "model")  # here it is known
    with pytest.raises(ValueError, match=r"named 'own_system'.* components of own\.py: run that"):
        load_model(tmp_path / "model")
    assert _save(tmp_path / "plain")[1].data == {}


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
