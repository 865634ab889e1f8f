"""What each process of ``test_distributed`` computes; rank 0 stores the outcome.

Started by torchrun with a path, and ``--fail`` to make the second process fail.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from passerby.config import Computation, LossTerm, Network, Recipe, open_recipe
from passerby.data.batch import Batch
from passerby.data.reading.reader import read_split
from passerby.models.classifiers import Circle
from passerby.models.features import Features, Part
from passerby.models.systems.plain import Plain
from passerby.process import distributed
from passerby.registry import LOSSES
from passerby.training import loop
from passerby.training.step.learner import Learner

PERSONS, IMAGES = 4, 4
OBJECTIVES = {
    "cross_entropy": ("cross_entropy",),
    "triplet": ("triplet(margin=0.3)",),
    "pair_circle": ("pair_circle",),
    "centre": ("centre",),
    "triplet+cross_entropy": ("triplet(margin=0.3)", "cross_entropy(label_smoothing=0.1)"),
}


def joint_batch() -> Batch:
    """Sixteen images of four persons, the same on every rank."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (16, 3, 32, 16), generator=generator, dtype=torch.uint8)
    persons = torch.arange(PERSONS).repeat_interleave(IMAGES)
    zeros = torch.zeros(16, dtype=torch.int64)
    return Batch(images, persons, zeros, zeros, torch.arange(16))


def share_of(batch: Batch) -> Batch:
    """This rank's slice of a batch."""
    rows = torch.tensor(distributed.own_share(list(range(len(batch.persons)))))
    return Batch(
        batch.images[rows],
        batch.persons[rows],
        batch.cameras[rows],
        batch.sources[rows],
        batch.indices[rows],
    )


class FrozenLearner(Learner):
    """Float64, and batch norm that uses its stored statistics."""

    def step(self, batch: Batch, rate: float) -> dict[str, float]:
        """As the learner's, with the batch norms in evaluation mode."""
        self.model.double()
        for module in self.model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.train = lambda mode=True, own=module: own  # type: ignore[method-assign,misc]
                module.training = False
        return super().step(batch, rate)

    def _on_device(self, batch: Batch) -> Batch:
        prepared = super()._on_device(batch)
        return Batch(
            prepared.images.double(),
            prepared.persons,
            prepared.cameras,
            prepared.sources,
            prepared.indices,
        )


def gradient(objective: tuple[str, ...], alone: bool = False, parts: int = 1) -> Tensor:
    """The gradient of all parameters, of network and losses, after one step, as one vector."""
    torch.manual_seed(0)
    recipe = Recipe(
        "probe",
        network=Network("resnet18", classifier="circle"),
        losses=tuple(LossTerm(loss) for loss in objective),
        computation=Computation(accumulate=parts, recompute=parts > 1),
    )
    model = Plain(recipe.network, PERSONS).double()
    learner = FrozenLearner(recipe, model, torch.device("cpu"))
    if alone:
        learner_step_alone(learner, share_of(joint_batch()))
    else:
        learner.step(share_of(joint_batch()), rate=0.0)
    gradients = [p.grad for p in learner._parameters.values() if p.grad is not None]
    return torch.cat([g.flatten() for g in gradients])


def learner_step_alone(learner: FrozenLearner, batch: Batch) -> None:
    """The wrong way: each rank's loss on its share alone, averaged."""
    keep = distributed.gathered
    distributed.gathered = lambda tensor: tensor * 1.0 if tensor.is_floating_point() else tensor
    try:
        learner.step(batch, rate=0.0)
    finally:
        distributed.gathered = keep
    for parameter in learner.model.parameters():
        if parameter.grad is not None:
            parameter.grad.div_(distributed.world_size())


@dataclass(frozen=True)
class _Labels:
    persons: Tensor


def terms_of_given_embeddings() -> dict[str, Tensor]:
    """Loss terms of embeddings that do not come from a network."""
    generator = torch.Generator().manual_seed(2)
    vectors = torch.randn(16, 8, generator=generator, dtype=torch.float64)
    persons = torch.arange(PERSONS).repeat_interleave(IMAGES)
    torch.manual_seed(3)
    classifier = Circle(8, PERSONS).double()
    rows = torch.tensor(distributed.own_share(list(range(16))))
    own = distributed.gathered(vectors[rows].requires_grad_())
    part = Part("global", own, own, classifier(own), classifier)
    labels = _Labels(distributed.gathered(persons[rows]))
    return {
        f"{name} of given embeddings": LOSSES.build(objective[0])(
            Features(own, (part,)), labels
        ).detach()
        for name, objective in OBJECTIVES.items()
        if len(objective) == 1 and name != "centre"
    }


def train_small(recipe: str, root: str, out: str) -> None:
    """A run that goes on where there is one; with ``--stop`` rank 1 gets a SIGTERM in step 3."""
    step, count = Learner.step, iter(range(1, 1000))

    def stepped(*arguments: object) -> dict[str, float]:
        if next(count) == 3 and "--stop" in sys.argv and distributed.rank() == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)  # type: ignore[arg-type]

    Learner.step = stepped  # type: ignore[assignment]
    chosen = open_recipe(recipe, ["epochs=3", "validate_every=1"])
    loop.train(chosen, read_split(root), out, resume=True, device="cpu")


def fail_to_save() -> None:
    """Rank 0 alone meets a full disk; the others say that they heard of it, and do not wait."""

    def full() -> None:
        raise OSError(28, "No space left on device")

    assert distributed.highest(3 * distributed.rank()) == 3
    try:
        distributed.on_first_rank(full)
    except (ValueError, OSError) as error:
        print(f"rank {distributed.rank()}: {type(error).__name__}: {error}", flush=True)
    distributed.barrier()
    sys.exit(7)


def everything() -> dict[str, Tensor]:
    """Gradients, terms and gathered features by name, of this process's share of the batch."""
    results = {name: gradient(objective) for name, objective in OBJECTIVES.items()}
    results["triplet, each share alone"] = gradient(OBJECTIVES["triplet"], alone=True)
    both = OBJECTIVES["triplet+cross_entropy"]
    results["triplet+cross_entropy, in parts"] = gradient(both, parts=2)
    results.update(terms_of_given_embeddings())
    results["uneven"] = distributed.gathered(
        torch.full((3 - distributed.rank(),), distributed.rank())
    )
    return results


def main() -> None:
    """Compute everything and let rank 0 store it."""
    torch.set_num_threads(1)
    with distributed.process_group("cpu"):
        if "--train" in sys.argv:
            train_small(*sys.argv[1:4])
            return
        if "--fail-to-save" in sys.argv:
            fail_to_save()
        if "--fail" in sys.argv and distributed.rank() == 1:
            raise RuntimeError("one of two fails")
        results = everything()
        distributed.on_first_rank(lambda: torch.save(results, sys.argv[1]))


if __name__ == "__main__":
    main()
