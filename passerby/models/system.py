"""What a system is: a complete network, images [B, 3, H, W] to Features; and how one is built.

A system is registered as a class that takes ``network`` (the recipe's `Network`) and ``persons``
(training classes; 0 leaves the classifiers out), and its own options, as in ``network.system =
"pcb(stripes=6)"``. It builds on backbones, pooling and classifiers; `systems` has one a file.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import cast

from torch import Tensor, nn

from passerby.config import Network
from passerby.models.backbones import Backbone
from passerby.models.classifiers import Classifier
from passerby.models.features import Features, Part
from passerby.models.transformers.tokens import Tokens
from passerby.registry import CLASSIFIERS, SYSTEMS


class System(nn.Module):
    """A network that returns Features in training and in evaluation alike.

    All that only training needs, classifiers and the peers of mutual learning, stands under the
    name ``classifier`` (a module, or a ModuleDict, or None without persons): a model is opened
    without it.
    ``dimensions``: length of the embedding. ``reads_cameras``: whether ``forward`` looks at
    cameras; an exported network has that input only then.
    """

    dimensions: int
    reads_cameras: bool = False

    @abstractmethod
    def forward(self, images: Tensor, cameras: Tensor | None = None) -> Features:
        """Features of normalised images [B, 3, H, W] by cameras [B], if these are known."""

    def last_maps(self) -> tuple[nn.Module, ...]:
        """The modules whose outputs are the last that have positions: what vectors are pooled from.

        Maps [B, C, h, w], or tokens [B, ahead + h · w, C] as `patch_tokens` says. By default the
        backbones; none where a system neither has one nor says it, and then no picture explains its
        vectors.
        """
        return tuple(module for module in self.modules() if isinstance(module, Backbone))

    def patch_tokens(self, images: Tensor) -> Tokens | None:
        """How the tokens of images [B, 3, H, W] lie, for maps of attention; None without tokens.

        By default those of the only backbone.
        """
        backbones = [module for module in self.modules() if isinstance(module, Backbone)]
        return backbones[0].patch_tokens(images) if len(backbones) == 1 else None

    def of_backbone(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A plain network's backbone, weights by its own names, by the names that they have here.

        For a training that starts from it; by default they stand under ``backbone``.
        """
        return {f"backbone.{name}": tensor for name, tensor in state.items()}

    def begin(self, phase: str) -> None:
        """Called once when a phase of the recipe begins, by its name; most systems stay.

        A staged method changes its parameters and buffers here, in place and nothing else: a run
        that is resumed within the phase loads them and does not call this again. The name is
        empty in a recipe without phases.
        """


def build_model(network: Network, persons: int) -> System:
    """The system that ``network.system`` names; ``persons`` classes, 0 without classifiers."""
    model: System = SYSTEMS.build(network.system, network=network, persons=persons)
    return model


def build_classifiers(
    network: Network, widths: Mapping[str, int], persons: int
) -> nn.ModuleDict | None:
    """The recipe's classifier for each part, by its name and width; None without persons."""
    if not persons:
        return None
    built = {
        name: CLASSIFIERS.build(network.classifier, channels=width, persons=persons)
        for name, width in widths.items()
    }
    return nn.ModuleDict(built)


def classified(
    name: str,
    before_neck: Tensor,
    after_neck: Tensor,
    classifiers: nn.ModuleDict | None,
    seen: Tensor | None = None,
) -> Part:
    """A part with the similarities of its own classifier, if there are any.

    seen [B, W]: what the classifier sees, the vector after the neck by default.
    """
    if classifiers is None:
        return Part(name, before_neck, after_neck)
    own = cast(Classifier, classifiers[name])
    return Part(name, before_neck, after_neck, own(after_neck if seen is None else seen), own)


def require_defaults(network: Network, system: str, read: frozenset[str]) -> None:
    """ValueError unless all fields of the network that the system does not read are defaults."""
    for field in fields(network):
        value = getattr(network, field.name)
        if field.name not in read | {"system", "start", "start_of"} and value != field.default:
            raise ValueError(
                f"the system {system} does not read network.{field.name}, got {value!r}: leave "
                f"it at {field.default!r} (read: {', '.join(sorted(read))})"
            )
