"""The plain network as a system: what a recipe trains that names no other."""

from __future__ import annotations

from passerby.config import Network
from passerby.models.model import Model
from passerby.registry import SYSTEMS


@SYSTEMS.register
def plain(network: Network, persons: int) -> Model:
    """Backbone, pooling, neck and one classifier, all of the recipe's choice."""
    return Model(network, persons)
