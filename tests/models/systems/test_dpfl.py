"""DPFL: each network at its own scale, and what the consensus sees."""

import pytest
import torch
from torchvision.transforms.v2 import functional as TF

from passerby.config import Network
from passerby.models.system import build_model
from tests.models.systems.test_pcb import randomised


def build(system="dpfl", persons=5, backbone="resnet18"):
    torch.manual_seed(0)
    return build_model(Network(backbone, system=system), persons)


def test_the_sizes():
    with torch.device("meta"):
        system = build(persons=751, backbone="resnet50")
        kept = build(persons=0, backbone="resnet50")
    assert sum(p.numel() for p in kept.parameters()) == 2 * 23_508_032
    classifiers = 751 * (2048 + 2048 + 4096)
    assert sum(p.numel() for p in system.parameters()) == 2 * 23_508_032 + classifiers
    assert system.dimensions == 4096


@torch.no_grad()
def test_each_network_sees_its_scale():
    system = randomised(build("dpfl(scales=(1.0, 0.5, 0.25))"))
    images = torch.randn(2, 3, 128, 64)
    features = system(images)
    vectors = []
    for number, (height, width) in enumerate([(128, 64), (64, 32), (32, 16)]):
        smaller = TF.resize(images, [height, width], antialias=True)
        vectors.append(system.backbones[number](smaller).mean(dim=(2, 3)))
        part = features.parts[number]
        assert part.name == f"scale_{number + 1}"
        torch.testing.assert_close(part.before_neck, vectors[-1])
        weights = system.classifier[part.name].weight
        torch.testing.assert_close(part.similarities, vectors[-1] @ weights.T)
    joint = torch.cat(vectors, dim=1)
    torch.testing.assert_close(features.embedding, joint)
    weights = system.classifier["consensus"].weight
    assert features.parts[-1].name == "consensus"
    torch.testing.assert_close(features.parts[-1].similarities, joint @ weights.T)


def test_dropout_is_before_the_classifiers_alone():
    system = build("dpfl(dropout=1.0)").train()
    features = system(torch.randn(4, 3, 64, 32))
    assert features.embedding.abs().sum() > 0
    assert all((part.similarities == 0).all() for part in features.parts)


def test_refusals():
    for scales in ("(1.0,)", "(1.0, 2.0)", "(1.0, 0.0)"):
        with pytest.raises(ValueError, match="at least two scales above 0 and up to 1"):
            build(f"dpfl(scales={scales})")
    with pytest.raises(ValueError, match=r"does not read network\.neck"):
        build_model(Network("resnet18", system="dpfl", neck="none"), 0)


def test_the_originals_networks_fit():
    pytest.importorskip("timm", reason="the peer timm is not installed")
    with torch.device("meta"):
        system = build(backbone="timm(name=inception_v3)", persons=0).eval()
        features = system(torch.zeros(1, 3, 299, 299))
    assert features.embedding.shape == (1, 4096)
