"""Models on disk: ``model.safetensors`` and ``config.json`` in a folder. No pickle, ever."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save as serialised
from torch import Tensor

from passerby.config import (
    Network,
    Recipe,
    component_files,
    import_allowed,
    imported_files,
    imported_source,
)
from passerby.models.system import System, build_model
from passerby.process.json_files import read_dataclass, read_value
from passerby.process.whole_files import write_all_whole
from passerby.weights.tensors import read_safetensors

FORMAT = 1
_WEIGHTS, _CONFIG = MODEL_FILES = "model.safetensors", "config.json"
_COMPONENTS = "components_from"  # under the card's data: the users' own files


@dataclass(frozen=True)
class Card:
    """What is known of a trained model, stored as ``config.json`` beside its weights.

    recipe: with the preprocessing (size, filter, antialias, mean, std; colours are RGB); persons:
    number of training classes; training_persons and validation_persons: "source/number" of each,
    so that a later step can refuse to test on them (of a model that was started from, too); data:
    source, fingerprint, the reader's notes, where the first weights and users' components are from;
    versions: of the libraries; fingerprint: of the weights, ties embeddings to a model.
    """

    recipe: Recipe
    persons: int
    seed: int
    epoch: int
    training_persons: tuple[str, ...] = ()
    validation_persons: tuple[str, ...] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    fingerprint: str = ""


def save_model(
    folder: str | os.PathLike[str], model: System, card: Card, *, half: bool = False
) -> Card:
    """Write a model and its card; returns the card with the fingerprint.

    half: keep floating-point weights in 16 bits, half the size; they are rounded, and the
    fingerprint is of the rounded ones, which `load_model` turns back into 32 bits. Raises
    ValueError for weights beyond the range of 16 bits.

    Files of users' own components are stored beside them, by their hash. Weights and card are
    written before either is replaced, and each is replaced at once: a kill leaves the old
    model, the new one, or (between two renames) weights that `load_model` refuses to read with the
    card of others. Raises DiskFull, with the old model whole.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    if half:
        state = {name: _rounded(name, tensor) for name, tensor in state.items()}
    components = _sources_of(model, card.recipe)
    named = [dataclasses.asdict(one) for one in components]
    data = {**card.data, _COMPONENTS: named} if named else card.data
    card = replace(card, fingerprint=fingerprint(_widened(state)), data=data)
    weights = serialised(state, metadata={"fingerprint": card.fingerprint})
    content = json.dumps({"format": FORMAT, **dataclasses.asdict(card)}, indent=1) + "\n"
    sources = {target / one.stored: source for one, source in components.items()}
    write_all_whole({**sources, target / _WEIGHTS: weights, target / _CONFIG: content.encode()})
    return card


def read_model(folder: str | os.PathLike[str]) -> tuple[dict[str, Tensor], Card]:
    """The weights of a model folder, classifier and all, and its card.

    Raises ValueError when the folder holds no model, one of a newer format, or weights that are
    not those of the card.
    """
    source = Path(folder)
    if not (source / _CONFIG).is_file() or not (source / _WEIGHTS).is_file():
        raise ValueError(
            f"{source} is no model folder: expected {_WEIGHTS} and {_CONFIG}, as `passerby train` "
            "writes them into its --out folder"
        )
    card = read_card(source)
    state = _widened(read_safetensors(source / _WEIGHTS))
    if not _belongs(source / _WEIGHTS, state, card):
        raise ValueError(
            f"the weights in {source} are not those of its config.json: a run is saving them just "
            "now (try again), was killed between the two (resume it: passerby train ... --resume), "
            "or one was copied without the other (copy both again)"
        )
    return state, card


def load_model(folder: str | os.PathLike[str], classifier: bool = False) -> tuple[System, Card]:
    """A model in evaluation mode and its card; the classifier is left out unless asked for.

    Raises ValueError as `read_model` does.
    """
    state, card = read_model(folder)
    if not classifier:
        state = {k: v for k, v in state.items() if not k.startswith("classifier.")}
    network = replace(card.recipe.network, start="none")
    model = _built(network, card.persons if classifier else 0, card, Path(folder))
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"the weights in {folder} do not fit its config.json: {error}") from None
    return model.eval(), card


@dataclass(frozen=True)
class _Component:
    """A user's own file that components of a model are defined in, as a card names it."""

    file: str
    sha256: str

    @property
    def stored(self) -> str:
        """Its name in the model folder."""
        return f"{self.file.removesuffix('.py')}-{self.sha256[:16]}.py"


def _sources_of(model: System, recipe: Recipe) -> dict[_Component, bytes]:
    """The users' files behind a model and the rest of its recipe, and what they said when run."""
    files = dict.fromkeys((*imported_files(model.modules()).values(), *component_files(recipe)))
    sources = [(file.name, imported_source(file)) for file in files]
    return {_Component(name, _sha256(source)): source for name, source in sources}


def _components_in(card: Card) -> tuple[_Component, ...]:
    """What a card names of them. Raises ValueError where it is not written as `save_model` does."""
    try:
        found = read_value(tuple[_Component, ...], card.data.get(_COMPONENTS, []), _COMPONENTS)
    except ValueError as error:
        raise ValueError(f"the model's config.json: data.{error}") from None
    assert isinstance(found, tuple)
    return found


def _sha256(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


def _built(network: Network, persons: int, card: Card, folder: Path) -> System:
    """The network, with its user's own components where these may be run.

    Nothing of a stranger's runs unasked: only files that the caller allows (``--import FILE``), and
    those only if they are, byte for byte, what the model was trained with.
    """
    named = _components_in(card)
    missing = [one for one in named if not import_allowed(one.sha256)]
    try:
        model = build_model(network, persons)
    except ValueError as error:
        if not missing:
            raise
        raise ValueError(
            f"{error}. The model was trained with {_listed(missing)}, and no code is run unasked: "
            f"read {folder / missing[0].stored}, and if you trust it open the model with --import "
            f"{folder / missing[0].stored} (in Python: passerby.config.allow_imports)"
        ) from None
    known = {one.sha256 for one in named}
    for file in imported_files(model.modules()).values():
        if _sha256(imported_source(file)) not in known:
            raise ValueError(
                f"{file} is not what the model in {folder} was trained with, which is "
                f"{_listed(named) or 'without components of a user'}: its vectors would be others"
            )
    return model


def _listed(components: Sequence[_Component]) -> str:
    return ", ".join(f"{one.file} (SHA-256 {one.sha256[:16]}…)" for one in components)


def is_whole(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds weights and the card that belongs to them."""
    source = Path(folder)
    try:
        card = read_card(source)
        return _belongs(source / _WEIGHTS, _widened(read_safetensors(source / _WEIGHTS)), card)
    except ValueError:
        return False


def _belongs(path: Path, state: Mapping[str, Tensor], card: Card) -> bool:
    """Whether weights are the card's: as they say themselves (this covers the classifier), else
    by their values. A card without a fingerprint fits all."""
    with safe_open(path, framework="pt") as file:
        said = (file.metadata() or {}).get("fingerprint")
    return not card.fingerprint or card.fingerprint == (said or fingerprint(state))


def _rounded(name: str, tensor: Tensor) -> Tensor:
    """A tensor in 16 bits if it is floating-point. Raises ValueError where it does not fit."""
    if not tensor.is_floating_point():
        return tensor
    halved = tensor.half()
    if bool(halved.isinf().any()):
        raise ValueError(f"{name} holds values beyond ±65504, the range of 16 bits; keep 32")
    return halved


def _widened(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights with those of 16 bits in 32, in which networks compute."""
    return {k: v.float() if v.dtype == torch.float16 else v for k, v in state.items()}


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 over the weights, classifier left out."""
    digest = hashlib.sha256()
    for name in sorted(state):
        if not name.startswith("classifier."):
            digest.update(name.encode())
            flat = state[name].detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def read_card(folder: str | os.PathLike[str]) -> Card:
    """The card of a model folder. Raises ValueError when it is damaged or of a newer format."""
    return read_dataclass(Card, Path(folder) / _CONFIG, "a model's config.json", FORMAT)
