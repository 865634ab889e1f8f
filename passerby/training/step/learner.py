"""Learner: the network, its losses and its optimizer, and one training step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from passerby.config import Input, Recipe
from passerby.data.batch import Batch
from passerby.embedding.preprocessing import normalised
from passerby.models.features import Features
from passerby.models.system import System
from passerby.process import distributed
from passerby.training.step.activation_checkpointing import recomputed, stages_of, statistics_kept
from passerby.training.step.compilation import network_for, with_joint_statistics
from passerby.training.step.gradient_accumulation import in_parts, mapped, whole
from passerby.training.step.objective import Objective
from passerby.training.step.optimizer import build_optimizer, own_rates, set_rate
from passerby.training.step.parameter_patterns import refuse_idle
from passerby.training.step.phases import Stage, cut, freeze, stage_number, still_norms
from passerby.training.step.precision import Precision, float32_at_least
from passerby.training.step.step_memory import Memory, keep_freed_memory
from passerby.training.step.weight_averaging import Average, settle

_SETTLING = 30  # batches, for statistics of batch norm: some 2,000 images


class NonFiniteLoss(ValueError):
    """A loss term became NaN or infinite. term: its name; rows: the batch's training records."""

    def __init__(self, term: str, value: float, rows: list[int]) -> None:
        super().__init__(f"the loss {term} is {value}")
        self.term, self.rows = term, rows


class NonFiniteGradient(NonFiniteLoss):
    """Every loss term is finite, the gradient is not. term: the first parameter it spoils."""

    def __init__(self, parameter: str, value: float, rows: list[int]) -> None:
        super().__init__(parameter, value, rows)
        self.args = (f"the losses are finite but their gradient of {parameter} is {value}",)


class Learner:
    """What a run changes: parameters of network and losses, and the optimizer's memory."""

    def __init__(self, recipe: Recipe, model: System, device: torch.device) -> None:
        self.device, how = device, recipe.computation
        if device.type == "cpu":
            keep_freed_memory()
        if how.sync_batch_norm:
            model = with_joint_statistics(model, device)
        self.model = model.to(device)
        # Channels last is the faster layout for convolutions, on CPUs as on tensor cores.
        self.model = self.model.to(memory_format=torch.channels_last)
        self._precision = Precision(how.precision, device)
        self._memory = Memory(
            device, recipe.sampling.persons, recipe.sampling.images, how.accumulate
        )
        self._stages = stages_of(self.model) if how.recompute else []
        self._parts = how.accumulate
        self._network, self.remark = network_for(self.model, how, device)
        self._input: Input = recipe.input
        self.stages = cut(_whole(recipe), recipe.phases)
        self.terms = tuple(term for stage in self.stages for term in stage.losses)
        self._losses = Objective(self.terms, self._probe()).to(device)
        named = [*self.model.named_parameters(), *self._losses.named_parameters()]
        self._parameters = {name: own for name, own in named if own.requires_grad}
        for stage in self.stages:
            refuse_idle(stage.trains, list(self._parameters), f"phase {stage.name!r}")
            rated = [rate.of for rate in stage.optimizer.rates]
            refuse_idle(rated, list(self._parameters), "optimizer.rates")
        self._average = Average(self.model, recipe.averaging)
        self._begun = -1  # the number of the phase that has begun last
        self._enter(0)

    def begin(self, epoch: int) -> Stage:
        """An epoch (from 0) begins, perhaps after a resumption, perhaps a phase with it."""
        number = stage_number(self.stages, epoch)
        if number != self._begun:
            self.model.begin(self.stages[number].name)
            self._enter(number)
            self._average.restart(self.model)
            self._begun = number
        return self.stages[number]

    def close(self, epoch: int, batches: Iterable[Batch]) -> None:
        """An epoch (from 0) ends; a mean of weights takes statistics from a few of the batches."""
        left = self.stages[-1].first + self.stages[-1].epochs - 1 - epoch
        mean = self._average.epoch(self.model, left)
        if mean is not None:
            some = (self._on_device(batch).images for batch in islice(batches, _SETTLING))
            settle(mean, some, still_norms(mean, self.stages[self._begun].trains))

    @property
    def result(self) -> System:
        """The network as it is validated, stored and tested: the mean of weights, if there is."""
        return self._average.result(self.model)

    def _enter(self, number: int) -> None:
        """What trains now, on which losses, with an optimizer that remembers nothing."""
        stage = self.stages[number]
        freeze(self._parameters, stage.trains)
        self._still = still_norms(self.model, stage.trains)
        self._losses.enter(stage.losses)
        own = own_rates(self._losses.active())
        apart = {id(parameter) for group in own for parameter in group["params"]}
        shared = {name: p for name, p in self._parameters.items() if id(p) not in apart}
        self.optimizer = build_optimizer(shared, stage.optimizer)
        self._descents = [torch.optim.SGD(own)] if own else []

    def step(self, batch: Batch, rate: float) -> dict[str, float]:
        """One update at a learning rate; returns the loss terms, unweighted.

        The batch is this process's share; the losses see the joint batch of all processes. Raises
        NonFiniteLoss or NonFiniteGradient before anything is updated, ValueError when the memory
        does not suffice.
        """
        with self._memory.explained():
            return self._step(batch, rate)

    def _step(self, batch: Batch, rate: float) -> dict[str, float]:
        set_rate(self.optimizer, rate)
        # Before the forward pass: what it stores then lies close, not between old gradients.
        for optimizer in (self.optimizer, *self._descents):
            optimizer.zero_grad()
        batch = self._on_device(batch)
        self.model.train()
        for norm in self._still:
            norm.eval()
        if self._parts == 1:
            way = whole(self._forward, batch)
        else:
            way = in_parts(self._forward, batch, self._parts, partial(statistics_kept, self.model))
        features = _gathered_features(way.features)
        batch = _gathered_batch(batch)
        terms = self._losses(features, batch)
        # One transfer from the device, not one for each term.
        numbers = torch.stack([value.detach() for value in terms.values()]).tolist()
        values = dict(zip(terms, numbers, strict=True))
        for name, value in values.items():
            if not math.isfinite(value):
                raise NonFiniteLoss(name, value, batch.indices.tolist())
        total = self._losses.total(terms)
        # Each process has the part of the joint loss's gradient that flows through its images,
        # but the whole of it for the losses' own parameters.
        processes = distributed.world_size()
        way.backward(self._precision.scaled(total * processes))
        distributed.average_gradients(self.model.parameters())
        distributed.average_gradients(self._losses.parameters(), divisor=processes)
        if not self._precision.scales:  # an overflow of scaled gradients leaves the step out
            self._refuse_non_finite_gradient(batch)
        self._precision.update(self.optimizer, *self._descents)
        self._average.step(self.model)
        return values

    def _forward(self, images: Tensor, cameras: Tensor) -> Features:
        """The network's features, at least in float32 for the losses."""
        with self._precision.autocast(), recomputed(self._stages):
            features: Features = self._network(images, cameras)
        return mapped(features, float32_at_least)

    def _refuse_non_finite_gradient(self, batch: Batch) -> None:
        """Raises NonFiniteGradient; one norm over all, and names are looked for only then."""
        gradients = {
            name: parameter.grad
            for module in (self.model, self._losses)
            for name, parameter in module.named_parameters()
            if parameter.grad is not None
        }
        if torch.isfinite(torch.nn.utils.get_total_norm(gradients.values())):
            return
        for name, gradient in gradients.items():
            value = float(gradient.norm())
            if not math.isfinite(value):
                raise NonFiniteGradient(name, value, batch.indices.tolist())
        raise NonFiniteGradient("all parameters", math.inf, batch.indices.tolist())

    def state(self) -> dict[str, dict[str, Any]]:
        """All that a later `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "losses": self._losses.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "phase": {"begun": self._begun},
            "average": self._average.state(),
            "precision": self._precision.state(),
        }

    def restore(self, state: dict[str, dict[str, Any]]) -> None:
        """Go back to what `state` returned."""
        self._begun = state["phase"]["begun"]
        self._enter(max(self._begun, 0))
        self._average.restore(state["average"])
        self.model.load_state_dict(state["model"])
        self._losses.load_state_dict(state["losses"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._precision.restore(state.get("precision", {}))

    def _probe(self) -> Features:
        """The features of an empty image, for their sizes; changes nothing."""
        size, some = self._input, next(self.model.parameters())
        with torch.no_grad():
            return self.model.eval()(some.new_zeros(1, 3, size.height, size.width))

    def _on_device(self, batch: Batch) -> Batch:
        """The batch on the device, its images normalised and with the channels last."""
        images = normalised(batch.images.to(self.device, non_blocking=True), self._input)
        return Batch(
            images.contiguous(memory_format=torch.channels_last),
            batch.persons.to(self.device, non_blocking=True),
            batch.cameras.to(self.device, non_blocking=True),
            batch.sources.to(self.device, non_blocking=True),
            batch.indices,
            batch.set_aside,
        )


def _whole(recipe: Recipe) -> Stage:
    """The recipe without its phases."""
    return Stage("", 0, recipe.epochs, ("*",), recipe.losses, recipe.optimizer, recipe.schedule)


def _gathered_features(features: Features) -> Features:
    """The features of all processes' shares, in order."""
    if distributed.world_size() == 1:
        return features
    return mapped(features, distributed.gathered)


def _gathered_batch(batch: Batch) -> Batch:
    """The labels of the joint batch; the images, which no loss needs, stay this process's."""
    if distributed.world_size() == 1:
        return batch
    return replace(
        batch,
        persons=distributed.gathered(batch.persons),
        cameras=distributed.gathered(batch.cameras),
        sources=distributed.gathered(batch.sources),
        indices=distributed.gathered(batch.indices.to(batch.persons.device)).cpu(),
    )
