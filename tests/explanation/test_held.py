"""What is held leaves outputs as they are, and gradients that sum to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.explanation.held import Held
from passerby.models.transformers.layers import Layer

GIVEN = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
GAIN = torch.rand(64, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(
    "of",
    [
        lambda x: F.normalize(x, dim=2),
        lambda x: F.normalize(x, 1.0, 1),
        lambda x: F.layer_norm(x, (64,), GAIN, None, 1e-6),
        lambda x: F.layer_norm(x, (5, 64)),
        F.gelu,
        lambda x: x * (1.702 * x).sigmoid(),
        lambda x: torch.sigmoid(x) * x,
        lambda x: x.softmax(dim=1) * x,
        lambda x: F.softmax(x, dim=2) * x,
        lambda x: torch.softmax(x, 1) * x,
        lambda x: F.scaled_dot_product_attention(x, x, x, scale=0.2),
    ],
)
def test_outputs_stay_and_gradients_times_values_sum_to_them(
    of: Callable[[Tensor], Tensor],
) -> None:
    """Euler's theorem: what is held is linear, and nothing is left over."""
    values = GIVEN.clone().requires_grad_()
    aim = torch.randn(GIVEN.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with Held():
        found = of(values)
    torch.testing.assert_close(found, of(GIVEN))
    score = (found * aim).sum()
    (gradient,) = torch.autograd.grad(score, values)
    assert float((gradient * GIVEN).sum()) == pytest.approx(float(score.detach()), abs=1e-9)


@pytest.mark.parametrize("quick", [False, True])
def test_a_transformers_layer_without_biases_is_divided_among_its_tokens(quick: bool) -> None:
    torch.manual_seed(0)
    layer = Layer(64, 2, 0.0, quick=quick).double().requires_grad_(False)
    values = GIVEN.clone().requires_grad_()
    with Held():
        found = layer(values)[:, 0].sum()
    (gradient,) = torch.autograd.grad(found, values)
    assert float((gradient * GIVEN).sum()) == pytest.approx(float(found.detach()), abs=1e-9)


def test_nothing_is_held_outside() -> None:
    values = GIVEN.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.normalize(values, dim=2).sum(), values)
    assert float((gradient * GIVEN).sum().abs()) < 1e-9
