"""Attention modules, one file each: channels in, same shape out.

Each says where it belongs: in every residual "block" (on the residual branch before the addition),
after some blocks of a "stage", after its last blocks ("stage_end"), or after the "last" stage; and
each can begin as the identity, so that a network with pretrained weights starts from its pretrained
features.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal

from torch import Tensor, nn

Placement = Literal["block", "stage", "stage_end", "last"]


class Attention(nn.Module):
    """A module [B, C, H, W] -> [B, C, H, W], constructed with the number of channels."""

    placement: ClassVar[Placement]

    @abstractmethod
    def forward(self, maps: Tensor) -> Tensor:
        """Maps [B, C, H, W] of the same shape, attended."""

    def weights(self, maps: Tensor) -> Mapping[str, Tensor]:
        """What the module weighs in maps [B, C, H, W], in the order in which it does.

        "channels" [B, C] and "positions" [B, H, W]: gates, or, of an attention between positions
        or channels, how much each one gets from all, on average 1. Of a module that does not say
        it, nothing, and no picture shows it.
        """
        del maps
        return {}

    def begin_as_constant(self) -> float:
        """Set the module so that it multiplies its input by a constant; return the constant.

        A sigmoid gate with zero weights gives one half. The backbone divides the batch norm
        before it by the constant (a power of two, so nothing is rounded), and branch and
        attention together begin as the pretrained branch.
        """
        raise ValueError(
            f"{type(self).__name__} has no begin_as_constant, which a start from pretrained "
            "weights needs: set network.start=none, or write it"
        )
