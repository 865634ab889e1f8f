"""A network to be trained: new, from ImageNet's weights, or from a model folder (fine-tuning)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import cast

from torch import Tensor

from passerby.config import Network
from passerby.models.backbones.resnet import ResNet
from passerby.models.checkpoint import Card, read_model
from passerby.models.packaged import model_folder
from passerby.models.system import System, build_model
from passerby.process.spelling import suggest
from passerby.weights.families import inside

_WORDS = ("imagenet", "none")
_NO_PART_OF_IT = (
    "start",
    "start_of",
    "classifier",
    "frozen",
)  # fields that say nothing of the weights


@dataclass(frozen=True)
class Start:
    """What a network began with, of another model; without a model all are empty.

    model: its folder, as the recipe names it; fingerprint: of its weights; persons: those that it
    was trained on, as its card has them; said: what was taken, and what differs.
    """

    model: str = ""
    fingerprint: str = ""
    persons: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    def recorded_in(self, card: Card) -> Card:
        """The card of what is trained from here: its weights have seen the start's persons too."""
        if not self.model:
            return card
        persons = tuple(dict.fromkeys((*card.training_persons, *self.persons)))
        begun = {"model": self.model, "fingerprint": self.fingerprint}
        return replace(card, training_persons=persons, data={**card.data, "started_from": begun})

    def remarks(self, held_out: Iterable[tuple[str, int]]) -> list[str]:
        """Lines for the beginning of a run, whose held-out persons the start may know already."""
        known = {f"{source}/{person}" for source, person in held_out} & set(self.persons)
        if not known:
            return list(self.said)
        return [
            *self.said,
            f"{len(known)} of the held-out persons were in the training of {self.model}: scores on "
            "them are too high, and choose an early epoch",
        ]


def build_started(network: Network, persons: int) -> tuple[System, Start]:
    """The network of a recipe as its training begins, and what of it comes from another model.

    ``network.start`` is "imagenet", "none" or a model folder; of the latter all weights that
    ``network.start_of`` fits are taken, but for classifiers, which are of other persons. Raises
    ValueError when one of them is missing here or there, or has another shape.
    """
    if network.start in _WORDS:
        return build_model(network, persons), Start()
    try:
        state, card = read_model(model_folder(network.start))
    except ValueError as error:
        raise ValueError(
            "network.start must be 'imagenet', 'none' or a model folder, got "
            f"{network.start!r}{suggest(network.start, list(_WORDS))} ({error})"
        ) from None
    system = build_model(replace(network, start="none"), persons)
    theirs = _fitting(state, network.start_of)
    if not theirs:
        parts = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in _inner(state))
        raise ValueError(
            f"network.start_of={network.start_of} fits no weights of {network.start}, which has "
            f"{', '.join(parts)}"
        )
    taken = _load_weights(system, theirs, network, card)
    said = (taken, *_other(network, card))
    return system, Start(network.start, card.fingerprint, card.training_persons, said)


def _load_weights(system: System, theirs: dict[str, Tensor], network: Network, card: Card) -> str:
    """Load what is wanted of the other model, whole, or refuse it; says what was taken."""
    own = system.state_dict()
    count = len(theirs)
    backbone = dict(system.named_children()).get("backbone")
    trunk = inside("backbone.", theirs)
    taken = system.of_backbone(trunk)
    theirs = {n: t for n, t in theirs.items() if not n.startswith("backbone.")} | taken
    new_attention = network.attention != "none" and card.recipe.network.attention == "none"
    added = new_attention and bool(trunk) and isinstance(backbone, ResNet)
    if added:
        # As from ImageNet: attention is new, and begins as the identity.
        try:
            cast(ResNet, backbone).load_imagenet(trunk)
        except ValueError as error:
            raise ValueError(f"network.start={network.start} does not fit: {error}") from None
        theirs, own = (
            {name: tensor for name, tensor in state.items() if not name.startswith("backbone.")}
            for state in (theirs, own)
        )
    wanted = _fitting(own, network.start_of) | {n: t for n, t in own.items() if n in taken}
    misfits = [*_misfits(wanted, theirs)]
    if misfits:
        raise ValueError(
            f"network.start={network.start} does not fit: {'; '.join(misfits)}. "
            f"{'. '.join(_other(network, card)) or 'Their networks are written alike'}. Take its "
            f"network (train {network.start}/config.json), or a part of it (for example --set "
            "network.start_of=backbone.*)"
        )
    system.load_state_dict(theirs, strict=False)
    new = dict.fromkeys(name.partition(".")[0] for name in own if name not in theirs)
    begun = [name for name in new if name != "classifier"]
    begun += ["attention"] if added else []
    begun += ["classifiers"] if "classifier" in new else []
    return (
        f"started from {network.start} (fingerprint {card.fingerprint}): {count} tensors taken, "
        f"new: {', '.join(begun) or 'nothing'}"
    )


def _misfits(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Iterator[str]:
    """What does not fit, by names and shapes, each kind shortened to three."""
    yield from _named("only in this network", ours.keys() - theirs.keys())
    yield from _named("only in the other", theirs.keys() - ours.keys())
    shapes = [
        f"{name} {list(tensor.shape)} here, {list(theirs[name].shape)} there"
        for name, tensor in ours.items()
        if name in theirs and tensor.shape != theirs[name].shape
    ]
    yield from _named("of other shape", shapes)


def _named(kind: str, names: Collection[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"{kind}: {', '.join(sorted(names)[:3])}{more}"


def _other(network: Network, card: Card) -> list[str]:
    """Settings that the other model does not share, some of which leave no trace in weights."""
    other = card.recipe.network
    found = [
        f"{field.name} {getattr(network, field.name)!r} here, {getattr(other, field.name)!r} there"
        for field in fields(Network)
        if field.name not in _NO_PART_OF_IT
        and getattr(network, field.name) != getattr(other, field.name)
    ]
    return [f"network: {'; '.join(found)}"] if found else []


def _fitting(state: Mapping[str, Tensor], patterns: str) -> dict[str, Tensor]:
    """What patterns of names, with commas between them, take of a state dict."""
    wanted = [pattern.strip() for pattern in patterns.split(",")]
    return {
        name: tensor
        for name, tensor in _inner(state).items()
        if any(fnmatchcase(name, pattern) for pattern in wanted)
    }


def _inner(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict without classifiers."""
    return {name: t for name, t in state.items() if not name.startswith("classifier.")}
