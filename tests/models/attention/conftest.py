"""Inputs and the gradient check of attention modules."""

import pytest
import torch
from torch.func import functional_call


@pytest.fixture
def maps_of():
    """Random maps of a shape in float64; modules made in the test begin from the same seed."""
    torch.manual_seed(5)

    def make(*shape):
        return torch.randn(*shape, dtype=torch.float64)

    return make


@pytest.fixture
def check_gradients(maps_of):
    """Compare the gradients of input and all parameters with finite differences."""

    def check(module, channels):
        module.double()
        names, values = zip(*module.named_parameters(), strict=True)
        maps = maps_of(2, channels, 3, 2).requires_grad_()
        direction = maps_of(2, channels, 3, 2)

        def run(maps, *parameters):
            result = functional_call(module, dict(zip(names, parameters, strict=True)), (maps,))
            return (result * direction).sum()

        leaves = [value.detach().clone().requires_grad_() for value in values]
        assert torch.autograd.gradcheck(run, (maps, *leaves))

    return check
