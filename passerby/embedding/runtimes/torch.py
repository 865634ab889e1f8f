"""PyTorch, on the CPU or a GPU: runs every model folder, and is where vectors are defined."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from passerby.config import Input
from passerby.embedding.folding import fold_batch_norms
from passerby.embedding.packing import can_pack, pack_convolutions
from passerby.embedding.preprocessing import normalised
from passerby.embedding.runtimes import AT_ONCE, Floats, Outputs, Runtime, in_slices, thread_count
from passerby.embedding.runtimes.exported import Precision
from passerby.models.features import Features
from passerby.models.system import System
from passerby.process.devices import find_device
from passerby.registry import RUNTIMES

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@RUNTIMES.register
class Torch(Runtime):
    """PyTorch: model folders, on the CPU or a GPU.

    Args:
        network: The network.
        size: Its preprocessing.
        device: Where it runs; a GPU when there is one.
        precision: fp32, or bf16 (fp16 too on a GPU) where PyTorch's autocast has it.
        threads: Of the CPU, while this network computes; None: what is granted at most.
        compiled: By torch.compile, which takes minutes at the first batch.
        ours: Whether the network is this runtime's alone, which may then change it: batch norms
            are folded, and on a CPU convolutions packed.

    Raises:
        ValueError: There is no such device, or it does not compute in this precision.
    """

    name = "torch"

    def __init__(
        self,
        network: System,
        size: Input,
        *,
        device: str | torch.device | None = None,
        precision: Precision = "fp32",
        threads: int | None = None,
        compiled: bool = False,
        ours: bool = False,
    ) -> None:
        self.device = find_device(device)
        if precision not in _TYPES or (precision == "fp16" and self.device.type == "cpu"):
            raise ValueError(
                f"PyTorch computes in fp32 or bf16 on a CPU, and in fp16 on a GPU: got {precision} "
                f"on {self.device}"
            )
        self.precision, self._size = precision, size
        self.batch_size = 32 if self.device.type == "cpu" else 128
        most = thread_count(threads)
        self._threads = most if threads else min(most, torch.get_num_threads())
        network = network.eval().to(self.device)
        # Channels last is the faster layout for convolutions, on CPUs as on tensor cores.
        network = network.to(memory_format=torch.channels_last)
        self.dimensions = network.dimensions
        self.outputs = ("embedding", "before_neck", "local")
        self._network = network
        if ours:
            packed = precision == "fp32" and not compiled  # a compiler packs them itself
            self._network = _prepared(network, self._blank(), packed=packed)
        self._run: Callable[[Tensor, Tensor | None], Features] = self._network
        if compiled:
            self._run = torch.compile(self._network, dynamic=True)

    def start(self, images: Tensor, cameras: Tensor | None) -> Callable[[], Outputs]:
        with torch.inference_mode(), self._computing():
            if self.device.type == "cpu":
                made = in_slices(images, cameras, lambda *given: _outputs(self._forward(*given)))
                return lambda: made
            ahead = images.pin_memory().to(self.device, non_blocking=True)
            numbers = None if cameras is None else cameras.to(self.device)
            waiting = self._forward(ahead, numbers)
        return lambda: _outputs(waiting)

    def _forward(self, images: Tensor, cameras: Tensor | None) -> Features:
        inputs = normalised(images, self._size).contiguous(memory_format=torch.channels_last)
        return self._run(inputs, cameras)

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        """In the precision, and on a GPU in full where it is fp32: cuDNN rounds to 10 bits else."""
        with contextlib.ExitStack() as stack:
            if self.device.type == "cpu":
                stack.enter_context(_in_threads(self._threads))
            if self.device.type == "cuda":
                now = torch.backends.cudnn
                stack.enter_context(
                    now.flags(now.enabled, now.benchmark, deterministic=now.deterministic,
                              allow_tf32=False)
                )  # fmt: skip
            if self.precision != "fp32":
                stack.enter_context(torch.autocast(self.device.type, _TYPES[self.precision]))
            yield

    def _blank(self) -> Tensor:
        blank = torch.zeros(1, 3, self._size.height, self._size.width, device=self.device)
        return blank.contiguous(memory_format=torch.channels_last)


@contextlib.contextmanager
def _in_threads(count: int) -> Iterator[None]:
    """PyTorch in so many threads of the CPU: the process's other work keeps those that it has."""
    before = torch.get_num_threads()
    if before == count:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _prepared(network: System, images: Tensor, *, packed: bool) -> System:
    """The network with batch norms folded and, where it is on a CPU, convolutions packed.

    A component of somebody's own may do with its weights what nobody foresees: if its vectors are
    others afterwards, the network stays as it was.
    """
    # Neither black nor noise: all channels differ, and no activation is at its bound throughout.
    rows = torch.linspace(-1, 1, images.shape[2], device=images.device)[:, None]
    images = (images + rows).contiguous(memory_format=torch.channels_last)
    untouched = copy.deepcopy(network)
    with torch.inference_mode():
        expected = network(images).embedding
        fold_batch_norms(network, images)
        if packed and images.device.type == "cpu" and can_pack():
            pack_convolutions(network, images.repeat(AT_ONCE, 1, 1, 1))
        off = (network(images).embedding - expected).abs().max()
    return network if off <= 1e-4 * expected.abs().max() else untouched


def _outputs(features: Features) -> Outputs:
    """On the CPU; waits for a GPU."""
    local = features.local
    return Outputs(
        _floats(features.embedding),
        _floats(features.before_neck),
        None if local is None else _floats(local),
    )


def _floats(tensor: Tensor) -> Floats:
    found: Floats = tensor.float().cpu().numpy()
    return found
