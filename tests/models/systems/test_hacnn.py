"""HA-CNN against torchreid's, its regions against their written place."""

import warnings

import pytest
import torch

from passerby.config import Network
from passerby.models.system import build_model
from passerby.models.systems import hacnn
from passerby.weights.families.torchreid import torchreid


def build(persons=5, **network):
    torch.manual_seed(0)
    return build_model(Network(system="hacnn", **network), persons)


def randomised(system):
    """With batch norms that have seen something and regions that depend on the image."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in system.state_dict().items():
        if "running_mean" in name:
            tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
        elif "running_var" in name:
            tensor.copy_(0.05 + 0.1 * torch.rand(tensor.shape, generator=generator))
        elif name.endswith("hard_attn.fc.weight"):
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return system.eval()


def test_sizes():
    system = build(persons=0)
    assert sum(p.numel() for p in system.parameters()) == 2_929_112
    assert system.dimensions == 1024
    with torch.device("meta"):
        maps = system.eval().to("meta").conv(torch.zeros(1, 3, 160, 64))
        shapes = [tuple(maps.shape[1:])]
        for level in (1, 2, 3):
            maps, _ = system._level(level, maps)
            shapes.append(tuple(maps.shape[1:]))
    assert shapes == [(32, 80, 32), (128, 40, 16), (256, 20, 8), (384, 10, 4)]


@pytest.fixture
def double():
    """Batch norm over the single values of four images enlarges float32's last digit."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("training", [True, False])
def test_torchreid_gives_the_same(training, double, peer_code):
    peer = peer_code("deep-person-reid", "torchreid.models.hacnn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        theirs = randomised(peer.HACNN(7, loss="triplet", use_gpu=False)).train(training)
        ours = build(persons=7).train(training)
        converted = torchreid(theirs.state_dict(), None)
        missing, unexpected = ours.load_state_dict(converted.state, strict=False)
        assert unexpected == []
        assert all(name.startswith("classifier.") for name in missing)
        images = torch.randn(4, 3, 160, 64)
        with torch.no_grad():
            found, expected = ours(images), theirs(images)
    if training:
        vectors = expected[1]
        assert [part.name for part in found.parts] == ["global", "local"]
        for part, vector in zip(found.parts, vectors, strict=True):
            torch.testing.assert_close(part.before_neck, vector, rtol=0, atol=1e-6)
    else:
        torch.testing.assert_close(found.embedding, expected, rtol=0, atol=1e-6)


def test_a_region_is_a_quarter_of_the_height_around_its_centre():
    maps = torch.arange(16.0)[None, None, :, None].expand(2, 3, 16, 6)
    centres = torch.tensor([[0.0, -0.25], [0.0, 0.25]])
    for rows in (4, 8):
        region = hacnn._cut(maps, centres, (rows, 6))
        assert region.shape == (2, 3, rows, 6)
        assert (region.diff(dim=2) > 0).all()
        means = region.mean(dim=(1, 2, 3))
        # Rows 4 … 7 and 8 … 11, whose means are 5.5 and 9.5.
        torch.testing.assert_close(means, torch.tensor([5.5, 9.5]))
        assert region[0].max() <= 7.5
        assert region[1].min() >= 7.5


def test_regions_begin_as_four_stripes():
    system = build(persons=0).eval()
    _, places = system._level(1, system.conv(torch.randn(2, 3, 160, 64)))
    centres = torch.tensor([[0, -0.75], [0, -0.25], [0, 0.25], [0, 0.75]]).tanh()
    torch.testing.assert_close(places, centres.expand(2, 4, 2))


def test_other_sizes_and_refusals():
    assert build().eval()(torch.randn(2, 3, 100, 50)).embedding.shape == (2, 1024)
    with pytest.raises(ValueError, match="hacnn is trained from scratch"):
        build(start="imagenet")
    with pytest.raises(ValueError, match=r"hacnn does not read network\.backbone"):
        build(backbone="resnet18")
