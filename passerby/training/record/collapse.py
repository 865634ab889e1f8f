"""A collapsed network is noticed: every image has the same embedding, and nothing is learned.

Hermans et al. 2017 ("In defense of the triplet loss", secs. 2 and 3.3) describe it: with hard
mining and too high a rate the network maps all images to one point, where farthest positive and
nearest negative are equally far and the loss stays at its margin (ln 2 for the soft margin).
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from passerby.calls import Call
from passerby.config import LossTerm, Schedule, term_names
from passerby.losses.triplet import Triplet
from passerby.models.features import Features
from passerby.registry import LOSSES

ALIKE = 0.999
"""Mean cosine between the images of a batch: fresh and trained ResNets have 0.6 to 0.9, one that a
rate a hundred times too high made collapse stayed above 0.9990 for hundreds of steps."""

NEAR_MARGIN = 0.01
"""Distance of the triplet loss from its margin, as a share of it, when all embeddings are one.
While they only lie close together hard mining keeps it farther away; `ALIKE` sees these."""

PATIENCE = 50
"""Steps on end; a loss that falls passes its margin in fewer."""


def mean_cosine(vectors: Tensor) -> float:
    """The mean cosine between different rows of vectors [B, D], in time and memory of B · D.

    |Σ u|² of unit vectors u is the sum over all pairs, each with itself included.

    >>> round(mean_cosine(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])), 4)
    0.3333
    """
    if len(vectors) < 2:
        return 0.0
    units = F.normalize(vectors.float())
    total, count = torch.stack([units.sum(dim=0).square().sum(), units.square().sum()]).tolist()
    if count < 1.5:  # vectors of zeros have no direction, and are alike
        return 1.0
    return float((total - count) / (count * (count - 1)))


class CollapseWatch:
    """Looks on as a model trains; says once what is wrong and what helps.

    A context manager: within it the model's outputs in training are seen by a hook. Steps of the
    warm-up do not count, in which the rate is too low to move a network either way.

    losses: of each phase, as a loss is named by those of its phase (``triplet[global*]``).
    """

    def __init__(
        self, model: nn.Module, losses: Sequence[Sequence[LossTerm]], schedule: Schedule
    ) -> None:
        self._model, self._warm_up = model, schedule.warm_up
        self._margins = {
            name: _margin(term)
            for terms in losses
            for name, term in zip(term_names(terms), terms, strict=True)
            if _is_triplet(term)
        }
        self._vectors: Tensor | None = None
        self._alike = 0  # steps on end
        self._stuck: dict[str, int] = {}  # the same of each triplet loss that is near its margin
        self._said = False

    def __enter__(self) -> CollapseWatch:
        self._hook = self._model.register_forward_hook(self._forward_hook)
        return self

    def __exit__(self, *error: object) -> None:
        self._hook.remove()

    def step(self, epoch: float, terms: Mapping[str, float]) -> str | None:
        """After a step, epochs done with a fraction: a warning, or None (always, after the first).

        terms: the losses, unweighted, by name.
        """
        if self._said or self._vectors is None or epoch < self._warm_up:
            return None
        cosine = mean_cosine(self._vectors)
        self._alike = self._alike + 1 if cosine > ALIKE else 0
        self._stuck = {
            name: self._stuck.get(name, 0) + 1
            for name, margin in self._margins.items()
            if name in terms and _near(terms[name], margin)  # a phase has fewer
        }
        if max(self._alike, *self._stuck.values(), 0) < PATIENCE:
            return None
        self._said = True
        sign = f"the embeddings of a batch are alike (mean cosine {cosine:.4f})"
        if self._alike < PATIENCE:
            name = max(self._stuck, key=self._stuck.__getitem__)
            sign = f"the loss {name} stays at {self._margins[name]:.4g}, its margin"
        return (
            f"warning: {sign} for {PATIENCE} steps: the network has probably collapsed to one "
            f"point and learns nothing. {self._advice()}"
        )

    def _advice(self) -> str:
        advice = "Lower the rate (--set optimizer.rate=...), warm up longer (--set schedule."
        advice += f"warm_up={max(2 * self._warm_up, 5):g})"
        if self._margins:
            advice += f", take the soft margin ({self._settings('soft=true')}), or weigh the "
            advice += f"cross-entropy more against it ({self._settings('weight=...')})"
        return advice

    def _settings(self, option: str) -> str:
        """One ``--set`` for each triplet loss, quoted where its name holds a pattern."""
        paths = [f"losses.{name}.{option}" for name in self._margins]
        return " ".join(f"--set {shlex.quote(path)}" for path in paths)

    def _forward_hook(self, model: nn.Module, inputs: object, features: Features) -> None:
        if model.training:  # not batch-normalised: that would blow the smallest differences up
            self._vectors = features.parts[0].before_neck.detach()


def _is_triplet(term: LossTerm) -> bool:
    return Call.parse(term.loss).name == "triplet"


def _margin(term: LossTerm) -> float:
    """The value of a triplet loss when all embeddings are alike."""
    loss = LOSSES.build(term.loss)
    assert isinstance(loss, Triplet)
    return math.log(2) if loss.soft else loss.margin


def _near(value: float, margin: float) -> bool:
    return margin > 0 and abs(value - margin) <= NEAR_MARGIN * margin
