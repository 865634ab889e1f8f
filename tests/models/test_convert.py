"""`passerby convert`: what is written, what is said, what is refused."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torchvision import models

from passerby.embedding.embedder import load
from passerby.models.checkpoint import read_card
from passerby.models.convert import _converted, convert_weights
from passerby.registry import BACKBONES, FAMILIES


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A file with torchvision's ResNet-18, untrained."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("published") / "resnet18.pth"
    torch.save(models.resnet18(weights=None).state_dict(), file)
    return file


def changed(resnet, folder, **changes):
    """A copy of the file with tensors replaced, or left out where the new one is None."""
    state = torch.load(resnet, weights_only=True) | changes
    torch.save({k: v for k, v in state.items() if v is not None}, folder / "changed.pth")
    return folder / "changed.pth"


def test_the_model_and_its_card(resnet, tmp_path):
    done = convert_weights(resnet, tmp_path / "model", settings=["input.height=96"])
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    card = read_card(tmp_path / "model")
    assert card.fingerprint == done.fingerprint
    assert card.recipe.name == "torchvision_resnet18"
    assert (card.recipe.input.height, card.recipe.input.width) == (96, 128)
    assert card.persons == 0
    assert card.data["converted_from"] == "resnet18.pth"
    assert len(card.data["sha256"]) == 64
    assert set(card.versions) == {"passerby", "torch", "python"}
    assert json.loads((tmp_path / "model" / "config.json").read_text())["format"] == 1
    assert done.loaded == 120
    assert load(tmp_path / "model").dimensions == done.dimensions == 512


def test_the_model_is_evaluated_like_any_other(resnet, tiny_root, passerby_command, tmp_path):
    made = passerby_command(
        "convert", resnet, "--out", tmp_path / "model", "--from", "torchvision",
        "--set", "input.height=64", "--set", "input.width=32", "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    told = json.loads(made.out)
    assert (told["loaded"], told["dropped"]) == (120, ["fc.weight", "fc.bias"])
    scored = passerby_command("evaluate", tmp_path / "model", "--data", tiny_root)
    assert scored.code == 0, scored.err
    assert "rank-1" in scored.out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"layer3.1.bn2.running_var": None},
            "1 weights missing .*layer3.1.bn2.running_var.*, 0 un",
        ),
        ({"layer3.1.extra": torch.ones(1)}, r"0 weights missing \(none\), 1 unexpected .*extra"),
        ({"conv1.weight": torch.ones(64, 1, 7, 7)}, "size mismatch for backbone.conv1.weight"),
        (
            {"bn1.weight": torch.full((64,), torch.nan)},
            r"gives \[1, 512\] with 512 values that are not finite",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(changes, message, resnet, tmp_path):
    with pytest.raises(ValueError, match=message):
        convert_weights(changed(resnet, tmp_path, **changes), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_counters_that_old_files_lack_are_filled_in(resnet, tmp_path):
    state = torch.load(resnet, weights_only=True)
    counters = dict.fromkeys(name for name in state if name.endswith("num_batches_tracked"))
    convert_weights(changed(resnet, tmp_path, **counters), tmp_path / "model")
    convert_weights(resnet, tmp_path / "whole")
    opened = [load_file(tmp_path / name / "model.safetensors") for name in ("model", "whole")]
    assert opened[0].keys() == opened[1].keys()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "fastreid"}, "are not those of fastreid .they begin conv1.weight"),
        ({"family": "torchried"}, "no family of weights is named 'torchried'; did you mean"),
        ({"architecture": "resnet50"}, "the torchvision weights in the file are resnet18's"),
        ({"settings": ["input.height"]}, "--set takes path=value"),
        ({"settings": ["network.neck=bn"]}, "must be one of 'batch_norm', 'none'"),
    ],
)
def test_slips_are_named(options, message, resnet, tmp_path):
    with pytest.raises(ValueError, match=message):
        convert_weights(resnet, tmp_path / "model", **options)


def test_an_unknown_file_is_named_with_what_it_has(tmp_path):
    torch.save({"a.b": torch.ones(1)}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"not those of any known family \(they begin a\.b\)"):
        convert_weights(tmp_path / "a.pth", tmp_path / "model")


def test_families_are_listed(passerby_command):
    listed = passerby_command("list", "families").out
    for family in ("bot", "fastreid", "timm", "torchreid", "torchvision"):
        assert f"{family}\n    " in listed


def test_a_model_that_stands_there_is_not_replaced(tmp_path):
    torch.save(models.resnet18(weights=None).state_dict(), tmp_path / "a.pth")
    out = tmp_path / "run"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    first = convert_weights(tmp_path / "a.pth", out)
    before = (out / "config.json").read_bytes()
    with pytest.raises(ValueError, match=r"holds model\.safetensors and config\.json already"):
        convert_weights(tmp_path / "a.pth", out)
    assert (out / "config.json").read_bytes() == before
    assert first.fingerprint
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file, expected a folder"):
        convert_weights(tmp_path / "a.pth", tmp_path / "file")


def test_parameters_of_a_loss_are_left_out_and_said(tmp_path):
    state = {f"model.{k}": v for k, v in models.resnet18(weights=None).state_dict().items()}
    state["criterion.weight"] = torch.zeros(3, 4)
    torch.save({"state_dict": state}, tmp_path / "a.ckpt")
    done = convert_weights(tmp_path / "a.ckpt", tmp_path / "model")
    assert done.dropped == ("fc.weight", "fc.bias", "criterion.weight")


def _states() -> list[dict[str, torch.Tensor]]:
    """Names of several families, with tensors of one number."""
    resnet = models.resnet18(weights=None).state_dict()
    osnet = BACKBONES.build("osnet(width=0.25)", start="none", attention="none").state_dict()
    plain = {name: torch.zeros(tensor.ndim and 1) for name, tensor in resnet.items()}
    return [
        plain,
        {f"base.{name}": tensor for name, tensor in plain.items()} | {"base.NL_2.0.W.0.bias": ONE},
        {f"backbone.{name}": tensor for name, tensor in plain.items()} | {"heads.weight": ONE},
        {"conv1.conv.weight": ONE, **{f"{name}.gate.fc1.": ONE for name in osnet}},
        {"ha1.hard_attn.fc.weight": ONE, "fc_local.0.weight": ONE},
        {"backbone.0.weight": ONE, "b33_head.bottleneck.0.weight": ONE, "b1.0.0.conv1.weight": ONE},
    ]


ONE = torch.zeros(1)
STATES = _states()


@given(st.data())
def test_names_of_a_family_that_go_on_otherwise_are_refused_in_words(data):
    """Names are dropped, mangled, added: converted, or one ValueError says what is wrong."""
    state = dict(data.draw(st.sampled_from(STATES)))
    names = st.sampled_from(sorted(state))
    for name in data.draw(st.lists(names, max_size=3)):
        state.pop(name, None)
    for name in data.draw(st.lists(names, max_size=3)):
        cut = data.draw(st.integers(0, len(name)))
        state[name[:cut] + data.draw(st.sampled_from(["", ".", "x", "..", "9", "layer1."]))] = ONE
    if state:
        family, shape = data.draw(st.sampled_from(["auto", "bot", "fastreid"])), ()
        state[data.draw(names)] = torch.zeros(shape)
        assert _family_or_refusal(state, family)


def _family_or_refusal(state, family):
    try:
        return _converted(state, family, None)[0] in FAMILIES.names()
    except ValueError as refused:
        return "unpack" not in str(refused) and "iterable" not in str(refused)
