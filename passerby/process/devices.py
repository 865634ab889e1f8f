"""The device that a network or product runs on, from the words of a user."""

from __future__ import annotations

import os

import torch


def find_device(named: str | torch.device | None) -> torch.device:
    """The device as named (``cpu``, ``cuda``, ``cuda:1``, ``mps``), else a GPU, else the CPU.

    Of several processes that train together each has a GPU of its own. Raises ValueError, naming
    the devices that exist, for one that does not.
    """
    if named is None:
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    text = str(named).strip().lower()
    kind, colon, _ = text.partition(":")
    known = _devices()
    exists = kind in {one.partition(":")[0] for one in known}
    if not exists or (colon and text not in known):
        gpu = " (PyTorch calls a GPU of AMD cuda, too)" if kind in ("gpu", "rocm", "hip") else ""
        raise ValueError(
            f"there is no device {str(named)!r} here{gpu}; there is {', '.join(known)}"
            + ("" if torch.cuda.is_available() else " and no GPU that this PyTorch can use")
        )
    return torch.device(text)


def _devices() -> list[str]:
    """The names of all devices of this machine that are told apart by a number, and the CPU."""
    found = ["cpu", "cpu:0"]
    if torch.cuda.is_available():
        found += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found += ["mps", "mps:0"]
    return found
