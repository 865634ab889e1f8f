"""What a run says when it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from passerby.calls import Call
from passerby.config import Recipe
from passerby.models.starting import Start
from passerby.process.spelling import count_of
from passerby.tables.records import Split
from passerby.training.input.persons import TrainPersons
from passerby.training.record.state import State
from passerby.training.step.learner import Learner


def opening(
    recipe: Recipe,
    split: Split,
    persons: TrainPersons,
    learner: Learner,
    begin: State,
    *,
    labelled: bool,
) -> list[str]:
    """Lines of what is trained, on what, from where, and of what may surprise.

    labelled: by persons; a student's images need not be.
    """
    held = persons.held
    unknown = len(persons.train) - len(held.train)
    also = f" and {unknown} of nobody known" if unknown else ""
    lines = [
        f"{recipe.name}: {count_of(len(held.train), 'image')} of "
        f"{count_of(len(persons.classes), 'person')}{also} of {split.source}, "
        f"{count_of(recipe.epochs, 'epoch')} on {learner.device}"
    ]
    lines += [f"phase {phase.name}: {count_of(phase.epochs, 'epoch')}" for phase in recipe.phases]
    lines += Start(**begin.started).remarks(held.persons)
    if held.persons:
        lines.append(
            f"{count_of(len(held.persons), 'more person is', 'more persons are')} held out to "
            "choose the epoch"
        )
    lines += split.notes
    lines += _joints(recipe, persons)
    if not split.has_cameras and (held.query or split.query):
        lines.append("no camera numbers: scores are taken with the camera rule off")
    if labelled:
        lines += _scarce(persons.labels, recipe.sampling.images)
    if begin.epoch or begin.batch:
        within = f" and {count_of(begin.batch, 'batch', 'batches')}" if begin.batch else ""
        lines.append(f"resumed after epoch {begin.epoch}{within}")
    return [*lines, learner.remark] if learner.remark else lines


def _joints(recipe: Recipe, persons: TrainPersons) -> list[str]:
    """Of how many images a loss that learns from joints has any."""
    terms = [*recipe.losses, *(term for phase in recipe.phases for term in phase.losses)]
    if all(Call.parse(term.loss).name != "part_maps" for term in terms):
        return []
    known = sum(bool(record.joints) for record in persons.train)
    if known:
        return [
            f"joints are known of {known} of {count_of(len(persons.train), 'image')}; others teach "
            "no maps"
        ]
    return [
        "warning: joints are known of no image, so that the loss part_maps teaches nothing: name "
        "a file of them (--keypoints), train on a drawn set beside (passerby data synthesize "
        "--with-joints), or start from a network that has learnt its maps (network.start)"
    ]


def _scarce(labels: Sequence[int], wanted: int) -> list[str]:
    """A warning where pairs of images of one person are scarce; wanted: of each in a batch."""
    counts = Counter(labels)
    if wanted == 1:
        return [
            "warning: with sampling.images=1 no batch has two images of a person: losses that "
            "compare these, as the triplet loss does, have no positive pair and learn nothing"
        ]
    alone = sum(count == 1 for count in counts.values())
    if not alone:
        return []
    return [
        f"warning: {alone} of {len(counts)} persons have one image: it stands {wanted} times in "
        "their batches, and losses that compare images of a person compare it with itself"
    ]
