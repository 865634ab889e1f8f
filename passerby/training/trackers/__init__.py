"""Trackers of runs, one file each: services that draw the curves of metrics.jsonl as they grow.

A run is tracked where it is asked for (``--track "wandb(project=reid)"``); its own files hold the
same figures. A tracker is registered with its options, and needs the extra of its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path


class Tracker(ABC):
    """Takes the scalars of one run. The constructor raises ValueError where its package lacks."""

    @abstractmethod
    def open(self, out: Path, recipe: str, done: float) -> None:
        """Begin the run of a folder, or go on with it after so many epochs.

        recipe: as JSON. What an interrupted run wrote beyond ``done`` is taken back where the
        service can; it stays where it cannot.
        """

    @abstractmethod
    def scalars(self, values: Mapping[str, float], done: float) -> None:
        """Values by name ("step/triplet", "loss/triplet", "validation/rank1") after so many
        epochs, with a fraction."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left; called also when the run is interrupted."""


def stored_id(out: Path, service: str) -> Path:
    """The file in which a run's folder keeps its number at a service, so that it goes on there."""
    return out / f"{service}.id"


def not_installed(service: str, package: str) -> ValueError:
    """What to say where the package of a service lacks."""
    return ValueError(
        f'tracking by {service} needs it: pip install "{package}", or leave it out '
        "(metrics.jsonl has the same figures)"
    )
