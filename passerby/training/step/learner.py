"""Learner: the network, its losses and its optimizer; `Learner.step` is one training step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
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
from passerby.training.step.computation import Forward, mapped, with_joint_statistics
from passerby.training.step.ema import Average, recalibrate_batch_norms
from passerby.training.step.objective import Objective
from passerby.training.step.optimizer import build_optimizer, own_rates, set_rate
from passerby.training.step.phases import (
    Stage,
    cut,
    freeze,
    frozen_batch_norms,
    require_pattern_matches,
    stage_number,
)
from passerby.training.step.step_memory import Memory, allocated_apart
from passerby.training.step.trunk_and_head import Head, require_plain

_RECALIBRATION = 30  # batches, for statistics of batch norm: some 2,000 images


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
    """What a run changes: parameters of network and losses, and the optimizer's memory.

    whole: the network of which only the head trains, None where all of it is ``model``.
    """

    def __init__(self, recipe: Recipe, model: System, device: torch.device) -> None:
        self.device, how = device, recipe.computation
        if how.sync_batch_norm:
            model = with_joint_statistics(model, device)
        self.whole = require_plain(model).to(device) if recipe.network.frozen else None
        if self.whole is not None:
            model = Head(self.whole)
        self.model = model.to(device)
        # Channels last is the faster layout for convolutions, on CPUs as on tensor cores.
        self.model = self.model.to(memory_format=torch.channels_last)
        self._input: Input = recipe.input
        self._forward = Forward(self.model, how, device)
        self.remark = self._forward.remark
        self._memory = Memory(
            device, recipe.sampling.persons, recipe.sampling.images, how.accumulate
        )
        self.stages = cut(_whole(recipe), recipe.phases)
        terms = [term for stage in self.stages for term in stage.losses]
        self._objective = Objective(terms, self._probe()).to(device)
        named = [*self.model.named_parameters(), *self._objective.named_parameters()]
        self._parameters = {name: own for name, own in named if own.requires_grad}
        for stage in self.stages:
            require_pattern_matches(stage.trains, list(self._parameters), f"phase {stage.name!r}")
            rated = [rate.of for rate in stage.optimizer.rates]
            require_pattern_matches(rated, list(self._parameters), "optimizer.rates")
        self._average = Average(self.model, recipe.averaging)
        self._current = -1  # the number of the phase that was begun last
        self._enter_phase(0)

    def step(self, batch: Batch, rate: float) -> dict[str, float]:
        """One update at a learning rate; returns the loss terms, unweighted.

        The batch is this process's share; the losses see the joint batch of all processes. Raises
        NonFiniteLoss or NonFiniteGradient before anything is updated, ValueError when the memory
        does not suffice.
        """
        with self._memory.explained():
            batch = self._prepared(batch)
            passed = self._forward(batch)
            features, batch = _gathered_features(passed.features), _gathered_batch(batch)
            losses = self._objective(features, batch)
            values = self._finite_values(losses, batch)
            # Each process has the part of the joint loss's gradient that flows through its images,
            # but the whole of it for the losses' own parameters.
            total = self._objective.total(losses) * distributed.world_size()
            passed.backward(self._forward.precision.scaled(total))
            self._update(batch, rate)
        return values

    def _prepared(self, batch: Batch) -> Batch:
        """The batch on the device and all in training mode, without old gradients.

        These go before the forward pass, so that what it stores lies close and not between them.
        """
        for optimizer in (self.optimizer, *self._descents):
            optimizer.zero_grad()
        self.model.train()
        for norm in self._frozen_batch_norms:
            norm.eval()
        return self._on_device(batch)

    def _finite_values(self, losses: Mapping[str, Tensor], batch: Batch) -> dict[str, float]:
        """The losses as numbers, in one transfer from the device. Raises NonFiniteLoss."""
        numbers = torch.stack([value.detach() for value in losses.values()]).tolist()
        values = dict(zip(losses, numbers, strict=True))
        for name, value in values.items():
            if not math.isfinite(value):
                raise NonFiniteLoss(name, value, batch.indices.tolist())
        return values

    def _update(self, batch: Batch, rate: float) -> None:
        """Join the processes' gradients, and let the optimizers and the mean of weights step."""
        precision = self._forward.precision
        distributed.average_gradients(self.model.parameters())
        distributed.average_gradients(
            self._objective.parameters(), divisor=distributed.world_size()
        )
        if not precision.scales:  # an overflow of scaled gradients leaves the step out
            self._require_finite_gradient(batch)
        set_rate(self.optimizer, rate)
        fresh = not self.optimizer.state
        with allocated_apart(self.device) if fresh else nullcontext():
            precision.update(self.optimizer, *self._descents)
        self._average.step(self.model)

    def begin_epoch(self, epoch: int) -> Stage:
        """An epoch (from 0) begins, perhaps after a resumption, perhaps a phase with it."""
        number = stage_number(self.stages, epoch)
        if number != self._current:
            self.model.begin(self.stages[number].name)
            self._enter_phase(number)
            self._average.reset(self.model)
            self._current = number
        return self.stages[number]

    def stage(self, epoch: int) -> Stage:
        """The phase that an epoch (from 0) belongs to."""
        return self.stages[stage_number(self.stages, epoch)]

    def end_epoch(self, epoch: int, batches: Iterable[Batch]) -> None:
        """An epoch (from 0) ends; a mean of weights takes statistics from a few of the batches."""
        left = self.stages[-1].first + self.stages[-1].epochs - 1 - epoch
        mean = self._average.epoch(self.model, left)
        if mean is not None:
            some = (self._on_device(batch).images for batch in islice(batches, _RECALIBRATION))
            trains = self.stages[self._current].trains
            recalibrate_batch_norms(mean, some, frozen_batch_norms(mean, trains))

    @property
    def result(self) -> System:
        """The network as it is validated, stored and tested: the mean of weights, if there is."""
        return self._average.result(self.model) if self.whole is None else self.whole

    def _enter_phase(self, number: int) -> None:
        """What trains now, on which losses, with an optimizer that remembers nothing."""
        stage = self.stages[number]
        freeze(self._parameters, stage.trains)
        self._frozen_batch_norms = frozen_batch_norms(self.model, stage.trains)
        self._objective.enter(stage.losses)
        own = own_rates(self._objective.active())
        apart = {id(parameter) for group in own for parameter in group["params"]}
        shared = {name: p for name, p in self._parameters.items() if id(p) not in apart}
        self.optimizer = build_optimizer(shared, stage.optimizer)
        self._descents = [torch.optim.SGD(own)] if own else []

    def _require_finite_gradient(self, batch: Batch) -> None:
        """Raises NonFiniteGradient; one norm over all, and names are looked for only then."""
        gradients = {
            name: parameter.grad
            for module in (self.model, self._objective)
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
            "losses": self._objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "phase": {"number": self._current},
            "average": self._average.state(),
            "precision": self._forward.precision.state(),
        }

    def restore(self, state: dict[str, dict[str, Any]]) -> None:
        """Go back to what `state` returned."""
        self._current = state["phase"]["number"]
        self._enter_phase(max(self._current, 0))
        self._average.restore(state["average"])
        self.model.load_state_dict(state["model"])
        self._objective.load_state_dict(state["losses"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._forward.precision.restore(state["precision"])

    def _probe(self) -> Features:
        """The features of an empty image, for their sizes; changes nothing."""
        size, some = self._input, next(self.model.parameters())
        image = (3, size.height, size.width)
        if self.whole is not None:
            image = (self.whole.backbone.channels, 1, 1)
        with torch.no_grad():
            return self.model.eval()(some.new_zeros(1, *image))

    def _on_device(self, batch: Batch) -> Batch:
        """The batch on the device, its images normalised and with the channels last."""
        images = batch.images.to(self.device, non_blocking=True)
        if self.whole is None:  # else they are a trunk's maps
            images = normalised(images, self._input)
        targets, joints = batch.targets, batch.joints
        return replace(
            batch,
            images=images.contiguous(memory_format=torch.channels_last),
            persons=batch.persons.to(self.device, non_blocking=True),
            cameras=batch.cameras.to(self.device, non_blocking=True),
            sources=batch.sources.to(self.device, non_blocking=True),
            targets=None if targets is None else targets.to(self.device, non_blocking=True),
            joints=None if joints is None else joints.to(self.device, non_blocking=True),
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
        targets=None if batch.targets is None else distributed.gathered(batch.targets),
        joints=None if batch.joints is None else distributed.gathered(batch.joints),
    )
