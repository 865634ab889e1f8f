"""Networks of timm, without classifiers and for images of a given size; and their weights.

timm (github.com/huggingface/pytorch-image-models) interpolates position embeddings, learned ones
and those of its rotary kind, to the size that a network is made for, with weights alike.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any, cast

import torch
from torch import Tensor, nn

from passerby.config import Input
from passerby.extras import lacking


def timm_network(
    name: str, size: tuple[int, int] | None = None, *, pretrained: bool = False
) -> nn.Module:
    """A network of timm by its name there, for images of this height and width.

    size: of no meaning where a network takes any; None is that of its training.

    Raises:
        ValueError: timm is not installed, does not know the name, cannot fetch the weights, or the
            network cannot be made for images of that size.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.]+", name):
        # Another would have timm ask a hub, or read a folder, also where a stored model is opened.
        raise ValueError(
            f"timm(name=...) takes the name of an architecture (see timm.list_models()), got "
            f"{name!r}: models are opened without a network. Fetch weights of a hub by "
            "passerby pull, and convert them: passerby convert FILE --from timm --architecture NAME"
        )
    library = _library(name)
    config = library.models.get_pretrained_cfg(name)
    fixed = size is not None and config is not None and config.fixed_input_size
    options: dict[str, Any] = {"img_size": size} if fixed else {}
    try:
        made = library.create_model(name, pretrained=pretrained, num_classes=0, **options)
    except TypeError as error:
        if not fixed:
            raise
        raise ValueError(
            f"{name} is made for images of {_written(config.input_size[1:])} alone, and cannot be "
            f"made for {_written(size)}: choose another network"
        ) from error
    except (RuntimeError, OSError, ValueError, AssertionError) as error:
        known = "" if config is None else _without_a_connection(name, config.hf_hub_id)
        raise ValueError(
            f"timm could not make {name!r}: {_first_line(error)}. See timm.list_models() for the "
            f"names; {known if pretrained and known else 'network.start=none needs no weights'}"
        ) from None
    return cast(nn.Module, made)


def timm_outline(name: str) -> nn.Module:
    """A network of timm without weights, on torch's device "meta": quick, and takes no memory.

    Raises:
        ValueError: timm is not installed, or does not know the name.
    """
    with torch.device("meta"):
        return timm_network(name)


def timm_input(network: nn.Module, size: Input) -> Input:
    """The input as the weights of timm's network expect it.

    Mean, std and filter are those of its training; sides are the nearest multiples of a vision
    transformer's patches.
    """
    config = cast(Mapping[str, Any], network.pretrained_cfg)
    down, across = patch_sides(network)
    mean, std = config["mean"], config["std"]
    return replace(
        size,
        height=_nearest(size.height, down),
        width=_nearest(size.width, across),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        filter="bicubic" if config["interpolation"] == "bicubic" else "bilinear",
    )


def has_fixed_size(network: nn.Module) -> bool:
    """Whether a network takes images of the size alone that it was made for."""
    return bool(cast(Mapping[str, Any], network.pretrained_cfg)["fixed_input_size"])


def patch_sides(network: nn.Module) -> tuple[int, int]:
    """Height and width of a vision transformer's patches in pixels; (1, 1) of any other network.

    Those with stages (Swin, ConvNeXt) pad what their strides do not divide.
    """
    patches = getattr(network, "patch_embed", None)
    if patches is None or getattr(network, "num_prefix_tokens", None) is None:
        return 1, 1
    sides = patches.patch_size
    return (sides, sides) if isinstance(sides, int) else (int(sides[0]), int(sides[1]))


def timm_state(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A published state dict as this network takes it: renamed, position embeddings resampled.

    What does that is timm's own function for the network's family.
    """
    home = sys.modules[type(network).__module__]
    adapt = cast(
        "Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]] | None",
        getattr(home, "checkpoint_filter_fn", None),
    )
    return dict(state) if adapt is None else dict(adapt(dict(state), network))


def _library(name: str) -> ModuleType:
    try:
        import timm
    except ImportError as error:
        raise lacking(f"the network timm(name={name})", "timm", "timm", error) from None
    return timm


def _without_a_connection(name: str, place: str | None) -> str:
    """What to do where weights cannot be fetched, which is needed once."""
    file = f"hub:{place or f'timm/{name}'}/model.safetensors"
    return (
        "weights need a connection once. Where there is one: passerby pull "
        f"{file} --out weights.safetensors; then here: passerby convert weights.safetensors --out "
        f"models/start --from timm --architecture {name}, and train with --set "
        "network.start=models/start --set network.start_of=backbone.* (network.start=none needs "
        "no weights)"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _written(size: Any) -> str:
    return f"{size[0]}×{size[1]}"


def _nearest(side: int, patch: int) -> int:
    return max(1, round(side / patch)) * patch
