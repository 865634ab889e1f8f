"""Networks that begin with the weights of a model folder."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from passerby.config import Network, Recipe
from passerby.models.checkpoint import Card, save_model
from passerby.models.starting import Start, build_started
from passerby.models.system import build_model
from passerby.models.systems.mgn import Mgn
from passerby.models.systems.plain import Plain

PLAIN = Network("resnet18(last_stride=1)")


def stored(folder: Path, network: Network = PLAIN, persons: int = 7) -> Network:
    """A model of its own weights in a folder, and the network that would start from it."""
    torch.manual_seed(3)
    card = Card(Recipe("one", network=network), persons, 0, 1, ("hall/1", "hall/2"), ("hall/3",))
    save_model(folder, build_model(network, persons), card)
    return replace(network, start=str(folder))


def begun(network: Network, persons: int = 5) -> tuple[torch.nn.Module, Start]:
    torch.manual_seed(4)
    return build_started(network, persons)


def test_all_but_the_classifiers_is_taken(tmp_path: Path) -> None:
    system, start = begun(stored(tmp_path))
    torch.manual_seed(3)
    theirs, own = build_model(PLAIN, 7).state_dict(), system.state_dict()
    assert own.pop("classifier.weight").shape == (5, 512)
    assert theirs.pop("classifier.weight").shape == (7, 512)
    assert own.keys() == theirs.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in theirs.items())
    (said,) = start.said
    assert said.startswith(
        f"started from {tmp_path} (fingerprint {start.fingerprint}): 125 tensors"
    )
    assert said.endswith("new: classifiers")


def test_new_classifiers_are_those_that_the_seed_gives(tmp_path: Path) -> None:
    torch.manual_seed(4)
    fresh = build_model(PLAIN, 5).state_dict()["classifier.weight"]
    assert torch.equal(begun(stored(tmp_path))[0].state_dict()["classifier.weight"], fresh)


def test_words_need_no_folder() -> None:
    system, start = begun(PLAIN)
    assert (start, start.said) == (Start(), ())
    torch.manual_seed(4)
    fresh = build_model(PLAIN, 5).state_dict()
    assert all(torch.equal(system.state_dict()[name], tensor) for name, tensor in fresh.items())


def test_a_part_of_it_is_taken_and_the_rest_is_said(tmp_path: Path) -> None:
    network = stored(tmp_path)
    other = replace(network, system="pcb(stripes=2, width=8)", start_of="backbone.*")
    system, start = begun(other)
    torch.manual_seed(3)
    theirs = build_model(PLAIN, 7).state_dict()
    own = system.state_dict()
    taken = [name for name in theirs if name.startswith("backbone.")]
    assert all(torch.equal(own[name], theirs[name]) for name in taken)
    first, second = start.said
    assert first.endswith(f"{len(taken)} tensors taken, new: reduction, classifiers")
    assert second == "network: system 'pcb(stripes=2, width=8)' here, 'plain' there"


def test_mgn_takes_a_plain_backbone_for_its_stem_and_each_branch(tmp_path: Path) -> None:
    network = stored(tmp_path)
    mgn = "mgn(global_stride=1, norm=true)"
    system, start = begun(replace(network, system=mgn, start_of="backbone.*"))
    assert isinstance(system, Mgn)
    torch.manual_seed(3)
    theirs = build_model(PLAIN, 7)
    assert isinstance(theirs, Plain)
    images = torch.randn(2, 3, 96, 32)
    with torch.no_grad():
        for module in (system.eval(), theirs.eval()):
            assert not module.training
        expected, shared = theirs.backbone(images), system.stem(images)
        for branch in system.branches:
            torch.testing.assert_close(branch(shared), expected)
    assert "new: norms, reduction, classifiers" in start.said[0]


def test_patterns_stand_between_commas(tmp_path: Path) -> None:
    network = replace(stored(tmp_path), start_of="backbone.*, neck.weight")
    assert "121 tensors taken, new: neck, classifiers" in begun(network)[1].said[0]


def test_attention_is_added_as_the_identity(tmp_path: Path) -> None:
    """A network with CBAM gives what the one without gave, as it does from ImageNet's weights."""
    network = stored(tmp_path)
    plain = begun(network)[0].eval()
    added, start = begun(replace(network, attention="cbam"))
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(added.eval()(images).embedding, plain(images).embedding)
    assert start.said[0].endswith("new: attention, classifiers")
    gated = stored(tmp_path / "gated", replace(PLAIN, attention="cbam"))
    neck = replace(network, attention="cbam", start_of="neck.*")
    assert begun(neck)[1].said[0].endswith("5 tensors taken, new: backbone, classifiers")
    with pytest.raises(ValueError, match=r"only in the other: backbone\.layer1\.0\.attention"):
        begun(replace(gated, attention="none"))


def test_the_phase_of_a_staged_system_is_not_a_weight_of_it(tmp_path: Path) -> None:
    network = stored(tmp_path, replace(PLAIN, system="pcb(stripes=2, width=8)"))
    with pytest.raises(ValueError, match=r"only in this network: membership\.weight, refined"):
        begun(replace(network, system="pcb(stripes=2, width=8, refine=True)"))
    patterns = "backbone.*, reduction.*"
    refined = "pcb(stripes=2, width=8, refine=True)"
    assert begun(replace(network, system=refined, start_of=patterns))[0].refined


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"backbone": "resnet34(last_stride=1)"},
            r"does not fit: only in this network: backbone\.layer1\.2\.bn1\.bias, .* more\. "
            r"network: backbone 'resnet34\(last_stride=1\)' here, 'resnet18\(last_stri.* there",
        ),
        (
            {"backbone": "resnet50(last_stride=1)"},
            r"of other shape: backbone\.layer1\.0\.conv1\.weight \[64, 64, 1, 1\] here, "
            r"\[64, 64, 3, 3\] there",
        ),
        (
            {"system": "mgn"},
            r"only in this network: reduction\.global_1.*; only in the other: neck\.bias, .* and 2 "
            r"more\. network: system 'mgn' here",
        ),
        ({"neck": "none"}, r"only in the other: neck\.bias, neck\.num_batches_.* and 2 more"),
        (
            {"backbone": "resnet34(last_stride=1)", "attention": "se"},
            r"does not fit: not the weights of this ResNet: missing \['layer1\.2",
        ),
        ({"start_of": "trunk.*"}, r"start_of=trunk\.\* fits no weights of .* has backbone.*neck"),
        ({"start": "imagnet"}, "'none' or a model folder, got 'imagnet'; did you mean 'imagenet'"),
        ({"start": "nowhere"}, "got 'nowhere' .nowhere is no model folder: expected model.safe"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        begun(replace(stored(tmp_path), **changes))


def test_the_card_of_what_follows_knows_the_start(tmp_path: Path) -> None:
    start = begun(stored(tmp_path))[1]
    following = Card(Recipe("next"), 2, 0, 1, ("yard/1", "hall/1"), data={"source": "yard"})
    card = start.recorded_in(following)
    assert card.training_persons == ("yard/1", "hall/1", "hall/2")
    assert card.data["source"] == "yard"
    begun_with = {"model": str(tmp_path), "fingerprint": start.fingerprint}
    assert card.data["started_from"] == begun_with
    assert Start().recorded_in(card) is card
    assert len(start.remarks([("yard", 1), ("hall", 3)])) == 1
    assert start.remarks([("hall", 2), ("yard", 1)])[1].startswith("1 of the held-out persons were")
