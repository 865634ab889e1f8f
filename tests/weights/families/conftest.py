"""What tests of published weights share: randomised peers, their files, and the comparison."""

import collections.abc
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from passerby.embedding.embedder import Embedder
from passerby.embedding.embedder import load as load_embedder
from passerby.models.checkpoint import load_model
from passerby.models.convert import Conversion, convert_weights

Randomise = Callable[..., nn.Module]
CheckSame = Callable[..., Conversion]


def crops(count: int, size: tuple[int, int], seed: int) -> Tensor:
    """Images as a network gets them: large patches of colour, clothes one below another, noise."""
    generator = torch.Generator().manual_seed(seed)
    patches = torch.randn(count, 3, 4, 2, generator=generator)
    smooth = torch.nn.functional.interpolate(patches, size)
    return 1.5 * smooth + 0.5 * torch.randn(count, 3, *size, generator=generator)


@pytest.fixture
def randomised() -> Randomise:
    """A peer's network with random weights, in evaluation mode.

    Its batch norms have the statistics of images such as it is shown: with others the signal dies
    or explodes on its way, and a step that is missing is not seen at the end. embed: what takes
    such images to the network's vectors, where that is not the network.
    """

    def randomise(
        network: nn.Module,
        size: tuple[int, int] = (64, 32),
        embed: Callable[[Tensor], object] | None = None,
    ) -> nn.Module:
        torch.manual_seed(0)
        network.eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d):
                # What its authors begin at zero (behind a non-local block) stays small.
                scale = 1.0 if bool(module.weight.any()) else 0.1
                nn.init.uniform_(module.weight, 0.5 * scale, 1.5 * scale)
                nn.init.normal_(module.bias, std=0.2)
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None  # a plain mean over what follows
                module.train()
        with torch.no_grad():
            for batch in range(2):
                (embed or network)(crops(8, size, seed=batch))
        return network.eval()

    return randomise


@pytest.fixture
def check_same(tmp_path: Path) -> CheckSame:
    """Convert a saved checkpoint; our embeddings must be the peer's: cosine 0.99999 and above.

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
        images = crops(6, size, seed=7)
        with torch.inference_mode():
            wanted = expected(images)
            ours = model(images).embedding
        assert ours.shape == wanted.shape == (6, done.dimensions)
        torch.testing.assert_close(ours, wanted, rtol=1e-3, atol=1e-3 * wanted.abs().max().item())
        # What images have in common makes any two cosines high: of the rest they must agree too.
        middle = wanted.mean(dim=0)
        for shift in (torch.zeros_like(middle), middle):
            cosines = torch.cosine_similarity(ours - shift, wanted - shift)
            assert float(cosines.min()) > 0.99999
        return done

    return check


@pytest.fixture
def embedder_of(tmp_path: Path) -> Callable[[Path], Embedder]:
    """The embedder of a converted file."""

    def make(file: Path) -> Embedder:
        convert_weights(file, tmp_path / "model")
        return load_embedder(tmp_path / "model")

    return make


@pytest.fixture
def check_exact(tmp_path: Path) -> CheckSame:
    """Convert a saved checkpoint; our embeddings must be the peer's to 1e-5 of the largest number.

    check(content, embed, size, cameras=None): embed(images) are the peer's vectors; cameras: what
    ours is told besides.
    """

    def check(
        content: object,
        embed: Callable[[Tensor], Tensor],
        size: tuple[int, int],
        cameras: Tensor | None = None,
    ) -> Conversion:
        file = tmp_path / "published.pth"
        torch.save(content, file)
        out = tmp_path / f"model{len(list(tmp_path.glob('model*')))}"
        done = convert_weights(file, out)
        model, _ = load_model(out)
        images = crops(6, size, seed=7)
        with torch.inference_mode():
            wanted = embed(images)
            ours = model(images, cameras).embedding
        assert ours.shape == wanted.shape == (6, done.dimensions)
        middle = wanted.mean(dim=0)
        assert float((wanted - middle).abs().max()) > 0.1 * float(middle.abs().max())
        torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))
        return done

    return check


@pytest.fixture
def old_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What authors' code imports, uses for nothing that is compared, and is no more or not here."""
    stand_ins = {
        "torch._six": {"container_abcs": collections.abc},
        "mmcv": {},
        "mmcv.runner": {"load_checkpoint": None},
    }
    for name, content in stand_ins.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
