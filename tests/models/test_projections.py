"""Projections against their formulas, in a network and alone."""

import pytest
import torch

from passerby.config import Network
from passerby.models.systems.plain import Plain
from passerby.registry import PROJECTIONS


def test_linear_norm_relu():
    torch.manual_seed(0)
    module = PROJECTIONS.build("linear_norm_relu(width=5)", channels=3).eval()
    for values in (module.norm.weight, module.norm.bias, module.norm.running_mean):
        torch.nn.init.normal_(values)
    vectors = torch.randn(4, 3)
    with torch.no_grad():
        for b in range(4):
            for c in range(5):
                value = (module.linear.weight[c] * vectors[b]).sum() + module.linear.bias[c]
                value = (value - module.norm.running_mean[c]) / (1 + 1e-5) ** 0.5
                value = value * module.norm.weight[c] + module.norm.bias[c]
                torch.testing.assert_close(module(vectors)[b, c], value.clamp(min=0))


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    module = PROJECTIONS.build(f"linear(width=5, bias={bias})", channels=3)
    vectors = torch.randn(4, 3)
    expected = vectors @ module.linear.weight.T + (module.linear.bias if bias else 0)
    torch.testing.assert_close(module(vectors), expected)


def test_neck_and_classifier_take_the_projected_vector():
    network = Network("resnet18", projection="linear(width=7)", classifier="circle")
    model = Plain(network, persons=3)
    features = model(torch.randn(4, 3, 64, 32))
    assert model.dimensions == model.neck.num_features == 7
    assert features.embedding.shape == features.before_neck.shape == (4, 7)
    assert features.parts[0].similarities.shape == (4, 3)


def test_without_a_projection_nothing_is_stored_of_it():
    names = Plain(Network("resnet18"), persons=0).state_dict()
    assert not [name for name in names if name.startswith("projection")]


def test_slips_are_named():
    with pytest.raises(ValueError, match="no projection is named 'liner'; did you mean 'linear'"):
        Plain(Network("resnet18", projection="liner"), persons=0)


def test_mlp():
    torch.manual_seed(0)
    module = PROJECTIONS.build("mlp(width=5, hidden=7)", channels=3).eval()
    for values in (module.norm.weight, module.norm.bias, module.norm.running_mean):
        torch.nn.init.normal_(values)
    vectors = torch.randn(4, 3)
    hidden = vectors @ module.first.weight.T + module.first.bias
    hidden = (hidden - module.norm.running_mean) / (1 + 1e-5) ** 0.5
    hidden = (hidden * module.norm.weight + module.norm.bias).clamp(min=0)
    wanted = hidden @ module.second.weight.T + module.second.bias
    assert module.width == 5
    torch.testing.assert_close(module(vectors), wanted)
