"""Chance by address, and PyTorch's strict mode.

What a layer draws (dropout) follows from (seed, epoch, step, process) as batches and augmentation
do, so that a run goes on anywhere without a stored generator.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from passerby.process import distributed

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def seed_step(seed: int, epoch: int, step: int) -> None:
    """Set torch's generators for one training step; processes draw differently."""
    address = np.random.SeedSequence([seed, epoch, step, distributed.rank()])
    torch.manual_seed(int(address.generate_state(1, np.uint64)[0] >> np.uint64(1)))


@contextmanager
def strict(wanted: bool) -> Iterator[None]:
    """With ``wanted``, only deterministic kernels: an operation that has none is a RuntimeError.

    Sets cuBLAS's workspace, which must happen before the first product on a GPU, and keeps cuDNN
    from trying kernels out. All is set back at the end.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
        if workspace is None:
            del os.environ[_WORKSPACE]
