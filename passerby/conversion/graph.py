"""A system as runtimes see it: tensors in, a few named tensors out, one fixed way of computing."""

from __future__ import annotations

import copy
import keyword
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from passerby.config import Input
from passerby.models.resampling import resampling
from passerby.models.system import System

IMAGES, CAMERAS = "images", "cameras"


class Graph(nn.Module):
    """A copy of a system that gives the tensors of `output_names` in their order.

    Takes images [B, 3, H, W] float32, normalised; with ``pixels`` uint8 [B, H, W, 3] RGB of any
    one size; and cameras [B] int64, −1 where unknown, of a system that looks at them.
    """

    def __init__(self, model: System, size: Input, *, pixels: bool = False) -> None:
        super().__init__()
        self.model = _settled(copy.deepcopy(model).cpu().float().eval().requires_grad_(False))
        self.size, self.pixels = size, pixels

    def forward(self, images: Tensor, cameras: Tensor | None = None) -> tuple[Tensor, ...]:
        """The embedding [B, D], before_neck [B, E] and, where there is one, local [B, S, D]."""
        if self.pixels:
            images = from_pixels(images, self.size)
        features = self.model(images, cameras)
        found = (features.embedding, features.before_neck, features.local)
        return tuple(tensor for tensor in found if tensor is not None)

    def example(self, batch: int = 2) -> tuple[Tensor, ...]:
        """Inputs of the right sizes and types."""
        shape = (batch, 3, self.size.height, self.size.width)
        images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        if self.pixels:  # another size than the network's, so that it is resized
            images = torch.zeros((batch, shape[2] + 3, shape[3] + 5, 3), dtype=torch.uint8)
        return (images, *([torch.full((batch,), -1)] if self.model.reads_cameras else []))


def output_names(model: System, size: Input) -> tuple[str, ...]:
    """What an exported system gives: "embedding", "before_neck", and "local" where it has it."""
    graph = Graph(model, size)
    with torch.no_grad():
        return ("embedding", "before_neck", "local")[: len(graph(*graph.example()))]


def traced(graph: Graph, *, any_size: bool = False) -> ExportedProgram:
    """The graph with a free number of images, and with ``any_size`` free height and width.

    Raises ValueError where the exporter cannot follow the network's code.
    """
    batch = Dim("batch")
    images: dict[int, Dim | object] = {0: batch}
    if graph.pixels:
        images |= {1: Dim("rows", min=2), 2: Dim("columns", min=2)}
    elif any_size:
        images |= {2: Dim.AUTO, 3: Dim.AUTO}
    example = graph.example()
    shapes = (images, {0: batch})[: len(example)]
    with exporting("torch.export", any_size), torch.no_grad():
        return torch.export.export(graph, example, dynamic_shapes=shapes)


def from_pixels(pixels: Tensor, size: Input) -> Tensor:
    """uint8 [B, H, W, 3] as the network's input, as `embedding.preprocessing` makes it.

    Resized along rows, then along columns, each rounded to whole levels as torch does with bytes.
    """
    maps = pixels.permute(0, 3, 1, 2).float()
    way = size.filter, size.antialias, maps.device
    columns = resampling(maps.shape[3], size.width, *way)
    rows = resampling(maps.shape[2], size.height, *way)
    whole = _levels(rows @ _levels(maps @ columns.T))
    mean, std = torch.tensor(size.mean), torch.tensor(size.std)
    return (whole / 255 - mean[:, None, None]) / std[:, None, None]


@contextmanager
def exporting(exporter: str, any_size: bool) -> Iterator[None]:
    """An exporter at work: quiet, and its errors as ValueError with what to do."""
    log = logging.getLogger("torch")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ImportError, OSError, MemoryError):
        raise
    except Exception as error:  # exporters raise whatever the network's code ran into
        reason = str(error.__cause__ or error).strip().partition("\n")[0]
        hint = "leave out --any-size" if any_size else "its code must be written so that it can"
        raise ValueError(f"{exporter} cannot follow this network ({hint}): {reason}") from error
    finally:
        log.setLevel(level)


def _levels(maps: Tensor) -> Tensor:
    return maps.round().clamp(0, 255)


def _settled(model: System) -> System:
    """Its switches as constants, and its modules under names that code can be written with."""
    for module in model.modules():
        for name, buffer in list(module.named_buffers(recurse=False)):
            if buffer.dtype == torch.bool and buffer.ndim == 0:  # pcb's ``refined``
                delattr(module, name)
                setattr(module, name, bool(buffer))
        children = dict(module.named_children())
        if any(map(keyword.iskeyword, children)):  # transreid's part "global"
            for name in children:
                del module._modules[name]
            for name, child in children.items():
                module.add_module(f"{name}_" if keyword.iskeyword(name) else name, child)
    return model
