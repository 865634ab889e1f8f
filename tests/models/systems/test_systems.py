"""Every registered system at a small input: one contract for all.

A new system adds the line of a small network to `SMALL`.
"""

import pytest
import torch
import torch.nn.functional as F

from passerby.calls import Call
from passerby.config import Network, Recipe
from passerby.models.checkpoint import Card, fingerprint, load_model, save_model
from passerby.models.features import Features, Part
from passerby.models.system import System, build_model, require_defaults
from passerby.models.systems.plain import Plain
from passerby.registry import SYSTEMS

# a small network of each system and variant, and the height and width of its input
SMALL = {
    "plain": (Network("resnet18", classifier="circle"), 64, 32),
    "aacn": (Network("resnet18", system="aacn(width=8, attention_width=4, halvings=2)"), 64, 32),
    "pcb": (Network("resnet18", system="pcb"), 96, 32),
    "pcb+rpp": (Network("resnet18", system="pcb(refine=true)"), 96, 32),
    "mgn": (Network("resnet18", system="mgn"), 96, 32),
    "dare": (Network("resnet18", system="dare(hidden=32)"), 64, 32),
    "ianet": (Network("resnet18", system="ianet"), 64, 32),
    "mgn_joint": (Network("resnet18", classifier="circle", system="mgn_joint"), 96, 32),
    "aligned": (Network("resnet18", system="aligned", neck="none"), 64, 32),
    "mutual": (Network("resnet18", system="mutual", neck="none"), 64, 32),
    "dpfl": (Network("resnet18", system="dpfl"), 64, 32),
    "hacnn": (Network(system="hacnn"), 64, 32),
    "svdnet": (Network("resnet18", system="svdnet(width=64)"), 64, 32),
    "clip_reid": (
        Network(system="clip_reid(depth=2, stride=12, cameras=(0, 1), height=64, width=32)"),
        64,
        32,
    ),
    "clip_reid resnet50": (
        Network(system="clip_reid(image=resnet50, height=64, width=32)"),
        64,
        32,
    ),
    "part_tokens": (Network(system="part_tokens(variant=tiny, depth=2)"), 64, 32),
    "part_tokens in one": (
        Network(system="part_tokens(variant=tiny, depth=2, fusion=mean, necks=one)"),
        64,
        32,
    ),
    "transreid": (
        Network(system="transreid(variant=tiny, depth=2, cameras=(0, 1))", classifier="circle"),
        64,
        32,
    ),
}
PERSONS = 3
LABELS = torch.tensor([0, 0, 1, 2])


@pytest.fixture(params=sorted(SMALL))
def small(request) -> tuple[System, torch.Tensor]:
    """A system and four images."""
    network, height, width = SMALL[request.param]
    torch.manual_seed(0)
    return build_model(network, PERSONS), torch.randn(4, 3, height, width)


def test_every_system_is_tried():
    tried = {Call.parse(network.system).name for network, _, _ in SMALL.values()}
    assert sorted(tried) == SYSTEMS.names()


@pytest.mark.parametrize("training", [True, False])
def test_features_are_one_type_in_every_mode(small, training):
    system, images = small
    with torch.no_grad():
        features = system.train(training)(images, cameras=torch.zeros(4))
    assert features.embedding.shape == (4, system.dimensions)
    assert len({part.name for part in features.parts}) == len(features.parts)
    if system.classifier is not None:
        assert any(part.similarities is not None for part in features.parts)
    for part in features.parts:
        assert len(part.before_neck) == len(part.after_neck) == 4
        if part.similarities is not None:
            assert part.logits(LABELS).shape == (4, PERSONS)
    if features.local is not None:
        assert features.local.ndim == 3
        assert len(features.local) == 4


def test_every_parameter_gets_a_gradient(small):
    system, images = small
    features = system.train()(images)
    terms = [features.embedding.square().mean()]
    terms += [part.before_neck.square().mean() for part in features.parts]
    terms += [
        F.cross_entropy(part.logits(LABELS), LABELS)
        for part in features.parts
        if part.similarities is not None
    ]
    terms += [
        part.local.square().sum(dim=1).mean() for part in features.parts if part.local is not None
    ]
    torch.stack(terms).sum().backward()
    for name, parameter in system.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("name", sorted(SMALL))
def test_a_system_comes_back_without_its_classifiers(name, tmp_path):
    network, height, width = SMALL[name]
    torch.manual_seed(0)
    system = build_model(network, PERSONS).eval()
    card = save_model(tmp_path, system, Card(Recipe("x", network=network), PERSONS, 0, 1))
    images = torch.randn(2, 3, height, width)
    with torch.no_grad():
        expected = system(images)
        loaded, _ = load_model(tmp_path)
        found = loaded(images)
        whole, _ = load_model(tmp_path, classifier=True)
        again = whole(images)
    assert torch.equal(found.embedding, expected.embedding)
    assert all(part.similarities is None for part in found.parts)
    assert not any("classifier" in key.split(".") for key in loaded.state_dict())
    assert fingerprint(loaded.state_dict()) == card.fingerprint
    for part, other in zip(again.parts, expected.parts, strict=True):
        assert (part.similarities is None) == (other.similarities is None)
        if part.similarities is not None:
            assert torch.equal(part.similarities, other.similarities)


def test_old_configurations_are_plain_networks():
    recipe = Recipe.from_json('{"name": "old", "network": {"backbone": "resnet18"}}')
    system = build_model(recipe.network, persons=0)
    assert type(system) is Plain
    assert next(iter(system.state_dict())) == "backbone.conv1.weight"


def test_slips_are_named():
    with pytest.raises(ValueError, match="no system is named 'plan'; did you mean 'plain'"):
        build_model(Network("resnet18", system="plan"), persons=0)
    with pytest.raises(ValueError, match=r"does not read network\.neck, got 'none'"):
        require_defaults(Network(neck="none"), "x", frozenset({"backbone"}))
    require_defaults(Network(neck="none"), "x", frozenset({"neck"}))


def test_features_of_some_parts():
    vector = torch.zeros(2, 4)
    parts = tuple(Part(name, vector, vector) for name in ("global", "global_2", "stripe_1"))
    features = Features(vector, parts)
    assert [part.name for part in features.only("global*").parts] == ["global", "global_2"]
    assert features.only("*").parts == parts
    with pytest.raises(ValueError, match=r"matches 'x' \(parts: global, global_2, stripe_1\)"):
        features.only("x")
