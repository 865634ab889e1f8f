"""Any convolutional network of timm by name: ``timm(name=resnest50d)``."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from passerby.extras import lacking
from passerby.models.backbones import Backbone, require_no_attention
from passerby.registry import BACKBONES


class TimmBackbone(Backbone):
    """A timm network without its pooling and classifier."""

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network = network
        self.channels = channels

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)


@BACKBONES.register
def timm(start: str, attention: str, name: str) -> TimmBackbone:
    """A convolutional network of timm, by its name there; ImageNet weights from timm's hub.

    Raises ValueError when timm is not installed, does not know the name, is offline, or when the
    network's output is not [B, C, h, w] (found by a dry run: some put the channels last).
    """
    require_no_attention(attention, f"timm's {name}")
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        # Another would have timm ask a hub, or read a folder, also where a stored model is opened.
        raise ValueError(
            f"timm(name=...) takes the name of an architecture (see timm.list_models()), got "
            f"{name!r}: models are opened without a network. Fetch weights of a hub by "
            "passerby pull, and convert them: passerby convert FILE --from timm --architecture NAME"
        )
    try:
        import timm as library
    except ImportError as error:
        raise lacking(f"the backbone timm(name={name})", "timm", "timm", error) from None
    try:
        network = library.create_model(
            name, pretrained=start == "imagenet", num_classes=0, global_pool=""
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise ValueError(
            f"timm could not make {name!r}: {error}. See timm.list_models() for the names; "
            "weights need a connection once (network.start=none needs none)"
        ) from None
    return TimmBackbone(network, _channels(network, name))


def _channels(network: nn.Module, name: str) -> int:
    """The width of the maps, found by a dry run that also shows where the channels stand."""
    was_training = network.training
    with torch.no_grad():
        try:
            shape = list(network.eval()(torch.zeros(1, 3, 256, 128)).shape)
        except (RuntimeError, AssertionError, ValueError) as error:
            raise ValueError(f"{name} does not take images of 256×128: {error}") from None
    network.train(was_training)
    widths = (network.num_features, getattr(network, "head_hidden_size", None))
    if len(shape) != 4 or shape[1] not in widths:
        raise ValueError(
            f"{name} gives {shape} for one image of 256×128; expected [1, {widths[0]}, h, w]. "
            "Transformers and channels-last networks do not fit a convolutional backbone"
        )
    return shape[1]
