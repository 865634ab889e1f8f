"""Searcher: the mixed network, what its two halves of the persons train, and one step of both.

DARTS' first order (Liu et al. 2019, sec. 2.3): weights follow the losses on one half of the
persons, strengths those on the other, in turns. As Auto-ReID has it the losses are of retrieval,
classification with a triplet loss. The persons of the second half are never seen by the weights,
so that a choice is judged as a test would judge it: by persons that are new. Their classification
needs a classifier of their own, which learns beside the strengths and changes nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from passerby.architecture_search.mixed import MixedBackbone
from passerby.architecture_search.strengths import Strengths
from passerby.calls import Call
from passerby.config import Network, Recipe
from passerby.data.batch import Batch
from passerby.embedding.preprocessing import normalised
from passerby.models.backbones.auto_reid import AutoReid
from passerby.models.classifiers import Classifier
from passerby.models.features import Features
from passerby.models.system import build_model
from passerby.models.systems.plain import Plain
from passerby.registry import CLASSIFIERS
from passerby.training.step.objective import Objective
from passerby.training.step.optimizer import build_optimizer, set_rate

_BETAS = (0.5, 0.999)  # of the strengths' Adam, and its weight decay: those of DARTS
_DECAY = 1e-3


class Searcher:
    """What a search changes: weights, strengths, and the memory of their optimizers.

    Args:
        recipe: whose network, losses and optimizer are taken; its system is plain, its backbone
            auto_reid.
        persons: how many the two halves have.
        nodes: inner nodes of a cell.
        width: channels of a node in the first stage, in place of the recipe's.
        rate: learning rate of the strengths.
        device: where all is computed.
    """

    def __init__(
        self,
        recipe: Recipe,
        persons: tuple[int, int],
        *,
        nodes: int,
        width: int,
        rate: float,
        device: torch.device,
    ) -> None:
        self.device, self._input = device, recipe.input
        self.model = mixed_system(recipe.network, persons[0], nodes, width).to(device)
        self._other: Classifier = CLASSIFIERS.build(
            recipe.network.classifier, channels=self.model.dimensions, persons=persons[1]
        ).to(device)
        probe = self._probe()
        self._objectives = [
            Objective(recipe.losses, features).to(device)
            for features in (probe, self._by_the_other(probe))
        ]
        for objective in self._objectives:
            objective.enter(recipe.losses)
        first, second = self._objectives
        self._weights = dict(self.model.named_parameters())
        self._strengths = [
            self._weights.pop(f"backbone.strengths.{name}")
            for name, _ in self.strengths.named_parameters()
        ]
        own = {name: p for name, p in self._weights.items() if p.requires_grad}
        beside = dict(self._other.named_parameters(prefix="classifier"))
        self._optimizers = {
            "weights": build_optimizer({**own, **dict(first.named_parameters())}, recipe.optimizer),
            "beside": build_optimizer(
                {**beside, **dict(second.named_parameters())}, replace(recipe.optimizer, rates=())
            ),
            "strengths": torch.optim.Adam(self._strengths, rate, betas=_BETAS, weight_decay=_DECAY),
        }
        self._trained = list(own.values())

    @property
    def strengths(self) -> Strengths:
        """Of the operations, as they are now."""
        return cast(MixedBackbone, self.model.backbone).strengths

    def step(self, batches: tuple[Batch, Batch], rate: float, choose: bool) -> dict[str, float]:
        """Weights by the first half's batch, then strengths by the second's (not without choose).

        Returns the losses, those of the second half named "… of the others". Raises ValueError for
        one that is not finite.
        """
        self.model.train()
        losses = self._learn_weights(batches[0], rate)
        others = self._learn_strengths(batches[1], rate, choose)
        return losses | {f"{name} of the others": value for name, value in others.items()}

    def _learn_weights(self, batch: Batch, rate: float) -> dict[str, float]:
        for strength in self._strengths:
            strength.requires_grad_(False)
        images, batch = self._on_device(batch)
        return self._descend(0, self.model(images), batch, {"weights": rate})

    def _learn_strengths(self, batch: Batch, rate: float, choose: bool) -> dict[str, float]:
        for weight in self._trained:
            weight.requires_grad_(False)
        for strength in self._strengths:
            strength.requires_grad_(choose)
        images, batch = self._on_device(batch)
        features = self._by_the_other(self.model(images))
        rates = {"beside": rate} | ({"strengths": None} if choose else {})
        values = self._descend(1, features, batch, rates)
        for weight in self._trained:
            weight.requires_grad_(True)
        return values

    def _descend(
        self, half: int, features: Features, batch: Batch, rates: Mapping[str, float | None]
    ) -> dict[str, float]:
        """One step of these optimizers, at these rates or at their own, on a half's losses."""
        objective = self._objectives[half]
        losses = objective(features, batch)
        values = {name: float(value.detach()) for name, value in losses.items()}
        for name, value in values.items():
            if not math.isfinite(value):
                raise ValueError(
                    f"the loss {name} is {value}: lower the rate with --set optimizer.rate=..."
                )
        for name, rate in rates.items():
            self._optimizers[name].zero_grad()
            if rate is not None:
                set_rate(self._optimizers[name], rate)
        objective.total(losses).backward()
        for name in rates:
            self._optimizers[name].step()
        return values

    def _by_the_other(self, features: Features) -> Features:
        """The same, classified among the persons of the second half."""
        (part,) = features.parts
        similarities = self._other(part.after_neck)
        return replace(
            features,
            parts=(replace(part, similarities=similarities, classifier=self._other),),
        )

    def _on_device(self, batch: Batch) -> tuple[Tensor, Batch]:
        """Normalised images [B, 3, H, W], and the batch with its labels there."""
        images = normalised(batch.images.to(self.device), self._input)
        labels = {
            name: getattr(batch, name).to(self.device) for name in ("persons", "cameras", "sources")
        }
        return images.contiguous(memory_format=torch.channels_last), replace(batch, **labels)

    @torch.no_grad()
    def _probe(self) -> Features:
        size = self._input
        image = torch.zeros(1, 3, size.height, size.width, device=self.device)
        return cast(Features, self.model.eval()(image))

    def state(self) -> dict[str, dict[str, Any]]:
        """All that a later `restore` needs."""
        return {name: one.state_dict() for name, one in self._kept().items()}

    def restore(self, state: dict[str, dict[str, Any]]) -> None:
        """Go back to what `state` returned."""
        for name, one in self._kept().items():
            one.load_state_dict(state[name])

    def _kept(self) -> dict[str, Any]:
        """Modules and optimizers, by the names that a state has for them."""
        losses = {f"losses {number}": own for number, own in enumerate(self._objectives)}
        return {"model": self.model, "other": self._other, **losses, **self._optimizers}


def mixed_system(network: Network, persons: int, nodes: int, width: int) -> Plain:
    """The recipe's plain network at another width, with all operations on all edges.

    Raises:
        ValueError: for a network that is not plain, or whose backbone is not auto_reid.
    """
    call = Call.parse(network.backbone)
    if (Call.parse(network.system).name, call.name) != ("plain", "auto_reid"):
        raise ValueError(
            "a search takes a recipe of the system plain whose backbone is auto_reid, got system "
            f"{network.system!r} with backbone {network.backbone!r}"
        )
    any_cell = ", ".join(["skip_connect 0"] * nodes)  # of as many nodes, to be as wide
    call = call.with_option("width", width).with_option("cells", f"{any_cell}; {any_cell}")
    system = build_model(replace(network, backbone=str(call)), persons)
    assert isinstance(system, Plain)
    stages = cast(AutoReid, system.backbone).stages
    system.backbone = MixedBackbone(Strengths(nodes), width, stages)
    return system
