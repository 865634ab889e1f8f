"""Several processes training one model: the only file that imports torch.distributed.

Started by ``torchrun``, each process (rank) takes a slice of every global P × K batch. What the
losses see is gathered from all ranks, so that hard mining and pair losses work on the joint batch:
averaging the losses of separate slices is another objective (for the triplet loss its gradient
is far from that of the joint batch). With one process every function here does nothing.
"""

from __future__ import annotations

import datetime
import gc
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.process.devices import find_device

_Item = TypeVar("_Item")

# Longer than any evaluation that the other ranks wait for. A rank that fails does not make them
# wait: torchrun stops them.
_PATIENCE = datetime.timedelta(hours=12)

_BUCKET = 8_000_000  # numbers reduced at once: few messages, little extra memory


def rank() -> int:
    """The number of this process; 0 when there is only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def processes_here() -> int:
    """How many of them are on this machine, and share its memory."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1")) if dist.is_initialized() else 1


@contextmanager
def process_group(device: str | None = None) -> Iterator[None]:
    """Join the processes that torchrun started, if it did.

    NCCL between GPUs, gloo between CPUs.
    """
    here = find_device(device)
    if "TORCHELASTIC_RUN_ID" not in os.environ or dist.is_initialized():
        yield
        return
    if here.type == "cuda":
        torch.cuda.set_device(here)
    dist.init_process_group("nccl" if here.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()
        # What collectives leave in reference cycles is freed by gloo's threads. At the end of the
        # interpreter they cannot take its lock any more, and the process would be aborted.
        gc.collect()


def own_share(rows: Sequence[_Item]) -> Sequence[_Item]:
    """This rank's slice of a global batch, which divides evenly."""
    size = len(rows) // world_size()
    return rows[rank() * size : (rank() + 1) * size]


def gathered(tensor: Tensor) -> Tensor:
    """The rows of all ranks [B, ...] from this rank's [b, ...], in the order of the ranks.

    Only this rank's own rows carry a gradient. A loss over all rows then has, on each rank, the
    part of its gradient that flows through the own rows; the sum over ranks is the whole, and
    because `average_gradients` divides, the loss is multiplied by the number of ranks.
    """
    if world_size() == 1:
        return tensor
    sizes = [torch.zeros(1, dtype=torch.int64, device=tensor.device) for _ in range(world_size())]
    dist.all_gather(sizes, torch.tensor([len(tensor)], device=tensor.device))
    # Ranks differ only where an image could not be read and had no replacement.
    longest = max(int(size) for size in sizes)
    padding = [0, 0] * (tensor.dim() - 1) + [0, longest - len(tensor)]
    padded = F.pad(tensor.detach(), padding).contiguous()
    parts = [torch.empty_like(padded) for _ in range(world_size())]
    dist.all_gather(parts, padded)
    rows = [part[: int(size)] for part, size in zip(parts, sizes, strict=True)]
    rows[rank()] = tensor
    return torch.cat(rows)


def average_gradients(parameters: Iterable[nn.Parameter], divisor: int = 1) -> None:
    """Replace each gradient by its mean over the ranks, divided by ``divisor``.

    Done after the backward pass, in buckets and in the order of the parameters. Not by
    DistributedDataParallel, which waits for a gradient of every parameter and reduces nothing
    when a recipe's losses leave some without (a classifier under pair losses alone).
    """
    if world_size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    for bucket in _buckets(gradients):
        flat = torch.cat([gradient.reshape(-1) for gradient in bucket])
        dist.all_reduce(flat)
        flat.div_(world_size() * divisor)
        start = 0
        for gradient in bucket:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()


def _buckets(gradients: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    for gradient in gradients:
        if bucket and (
            sum(g.numel() for g in bucket) > _BUCKET or gradient.dtype != bucket[0].dtype
        ):
            yield bucket
            bucket = []
        bucket.append(gradient)
    if bucket:
        yield bucket


def on_first_rank(work: Callable[[], _Item]) -> _Item:
    """Do something on rank 0 alone; its result on every rank, which wait for it.

    What it raises there ends the other ranks too, with a ValueError that says it again.
    """
    if world_size() == 1:
        return work()
    box: list[_Item | str | None] = [None, None]  # the result, or why there is none
    failure: BaseException | None = None
    if rank() == 0:
        try:
            box[0] = work()
        except BaseException as error:  # the others wait, whatever it was
            failure, box[1] = error, f"{type(error).__name__}: {error}"
    dist.broadcast_object_list(box, src=0)
    if failure is not None:
        raise failure
    if box[1] is not None:
        raise ValueError(f"the first process failed: {box[1]}")
    return cast(_Item, box[0])


def highest(number: int) -> int:
    """The highest of the ranks' numbers, on every rank."""
    if world_size() == 1:
        return number
    box = torch.tensor(number, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(box, dist.ReduceOp.MAX)
    return int(box)


@contextmanager
def first_rank_first() -> Iterator[None]:
    """Rank 0 passes through before the others: a download is done once and found by them."""
    if world_size() > 1 and rank() > 0:
        dist.barrier()
    yield
    if world_size() > 1 and rank() == 0:
        dist.barrier()


def barrier() -> None:
    """No rank goes on before all are here."""
    if world_size() > 1:
        dist.barrier()
