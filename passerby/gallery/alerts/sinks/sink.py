"""What every sink does: take one hit, or say why not."""

from __future__ import annotations

from abc import ABC, abstractmethod


class NotTaken(Exception):
    """A sink did not take a hit, for now. The reason is for people, and holds no secret."""


class Sink(ABC):
    """Where hits go. Each has been taken for good when `send` returns."""

    @abstractmethod
    def send(self, hit: str, payload: str) -> None:
        """Deliver one. hit: its id, the same whenever it is sent again; payload: JSON in one line.

        Raises NotTaken when it was not, within some seconds.
        """
