"""What tests of published weights share: randomised peers, their files, and the comparison."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from passerby.embedding.embedder import Embedder
from passerby.embedding.embedder import load as load_embedder
from passerby.models.checkpoint import load_model
from passerby.models.convert import Conversion, convert_weights

Randomise = Callable[[nn.Module], nn.Module]
CheckSame = Callable[..., Conversion]


@pytest.fixture
def randomised() -> Randomise:
    """A peer's network in evaluation mode, with batch norms that do something."""

    def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.2)
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                nn.init.normal_(module.running_mean, std=0.2)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
        return network.eval()

    return randomise


@pytest.fixture
def check_same(tmp_path: Path) -> CheckSame:
    """Convert a saved checkpoint and compare our embeddings with the peer's, to 1e-4 of their size.

    check(content, expected, family="torchreid"): expected(images) are the peer's vectors.
    """

    def check(
        content: object,
        expected: Callable[[Tensor], Tensor],
        family: str = "auto",
        size: tuple[int, int] = (64, 32),
        **options: object,
    ) -> Conversion:
        file = tmp_path / "published.pth"
        torch.save(content, file)
        done = convert_weights(file, tmp_path / "model", family, **options)  # type: ignore[arg-type]
        model, _ = load_model(tmp_path / "model")
        torch.manual_seed(7)
        # Large patches of colour: the pooled maps of noise alone are nearly the same everywhere.
        patches = torch.nn.functional.interpolate(torch.randn(3, 3, 4, 2), size)
        images = 2 * patches + 0.5 * torch.randn(3, 3, *size)
        with torch.inference_mode():
            wanted = expected(images)
            ours = model(images).embedding
        assert ours.shape == wanted.shape == (3, done.dimensions)
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())
        # Another network's embedding would differ by as much as two images' do, or more.
        apart = (wanted[0] - wanted[1]).abs().max()
        assert (ours - wanted).abs().max() < 1e-2 * apart
        return done

    return check


@pytest.fixture
def embedder_of(tmp_path: Path) -> Callable[[Path], Embedder]:
    """The embedder of a converted file."""

    def make(file: Path) -> Embedder:
        convert_weights(file, tmp_path / "model")
        return load_embedder(tmp_path / "model")

    return make
