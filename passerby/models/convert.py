"""Published weights to a model folder of ours, checked by one pass through the network."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from passerby.config import Recipe, with_settings
from passerby.models.checkpoint import MODEL_FILES, Card, save_model
from passerby.models.system import System, build_model
from passerby.registry import FAMILIES
from passerby.version import __version__
from passerby.weights.families import Converted, State, without
from passerby.weights.state_dicts import CRITERIA, read_weights


@dataclass(frozen=True)
class Conversion:
    """What became of a file of published weights.

    family and architecture: whose names they were; loaded: how many tensors; dropped: names left
    out on purpose; notes: what was assumed because weights do not tell; fingerprint: of the model.
    """

    source: str
    family: str
    architecture: str
    dimensions: int
    loaded: int
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    fingerprint: str
    out: str

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {self.architecture}, by the names of {self.family}",
            f"loaded: {self.loaded} tensors; missing: none; unexpected: none",
            f"left out: {', '.join(self.dropped) or 'nothing'}",
            *(f"assumed: {note}" for note in self.notes),
            f"one image through the network: {self.dimensions} finite values",
            f"the model is in {self.out} (fingerprint {self.fingerprint})",
        ]
        return "\n".join(lines)


def convert_weights(
    file: str | os.PathLike[str],
    out: str | os.PathLike[str],
    family: str = "auto",
    architecture: str | None = None,
    settings: Sequence[str] = (),
) -> Conversion:
    """Turn a published file of weights into a model folder (model.safetensors, config.json).

    family: a name of `FAMILIES`, or "auto" to tell it by the names of the weights; architecture:
    what the family calls it, needed where the names do not say; settings: ``path=value`` of the
    recipe, for what weights do not tell (``input.height=384``). Raises ValueError when the file
    cannot be read safely, is of no known family, or does not fit the network to the last tensor.
    """
    _require_free(Path(out))
    state, criteria = without(read_weights(file), *CRITERIA)
    family, converted = _converted(state, family, architecture)
    digest = _sha256(Path(file))
    recipe = _recipe(family, converted, settings)
    model = build_model(recipe.network, persons=0)
    _load(model, converted, Path(file))
    _check(model, recipe)
    card = Card(
        recipe,
        persons=0,
        seed=0,
        epoch=0,
        data={
            "converted_from": Path(file).name,
            "sha256": digest,
            "family": family,
            "architecture": converted.architecture,
            "notes": list(converted.notes),
        },
        versions={
            "passerby": __version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
    )
    card = save_model(out, model, card)
    return Conversion(
        str(file),
        family,
        converted.architecture,
        model.dimensions,
        len(converted.state),
        (*converted.dropped, *criteria),
        converted.notes,
        card.fingerprint,
        str(out),
    )


def _require_free(out: Path) -> None:
    """ValueError where a model or something else stands that writing would replace."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out} is a file, expected a folder to write the model into")
    standing = [name for name in MODEL_FILES if (out / name).exists()]
    if standing:
        raise ValueError(
            f"--out {out} holds {' and '.join(standing)} already, and converting replaces no "
            "model: choose another folder, or remove it first"
        )


def _converted(state: State, family: str, architecture: str | None) -> tuple[str, Converted]:
    """(The family's name, the weights in our names)."""
    # By the names of the weights alone: with an architecture, timm would take any file for its own.
    recognised = (
        [n for n in FAMILIES.names() if _converted_by(n, state, None)] if family == "auto" else []
    )
    name = (recognised or [family])[0]
    converted = None if name == "auto" else _converted_by(name, state, architecture)
    if converted is not None:
        return name, converted
    known = ", ".join(FAMILIES.names())
    first = ", ".join(list(state)[:4])
    wanted = "any known family" if family == "auto" else family
    raise ValueError(
        f"the names in the file are not those of {wanted} (they begin {first}). Families: {known}; "
        "for timm name the network as well: --from timm --architecture NAME"
    )


def _converted_by(name: str, state: State, architecture: str | None) -> Converted | None:
    """What a family makes of the weights, None if they are not its own."""
    family = FAMILIES.get(name)
    try:
        found: Converted | None = family(state, architecture)
    except (LookupError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"the weights begin with names of {name}, and do not go on like it "
            f"({type(error).__name__}: {error}): the file is damaged, or of another network"
        ) from None
    return found


def _recipe(family: str, converted: Converted, settings: Sequence[str]) -> Recipe:
    recipe = Recipe(
        name=f"{family}_{converted.architecture}",
        input=converted.size,
        network=converted.network,
        origins=(
            f"weights: published for {family}'s {converted.architecture}, converted; how they were "
            "trained stands with their publisher, not here",
            *(f"assumed: {note}" for note in converted.notes),
        ),
    )
    return with_settings(recipe, settings)


def _load(model: System, converted: Converted, file: Path) -> None:
    """Load all tensors; one that is missing or left over means another network, so both fail."""
    try:
        # A plain dict carries no version, so that torch fills in counters that old files lack.
        missing, unexpected = model.load_state_dict(converted.state, strict=False)
    except RuntimeError as error:
        raise ValueError(
            f"{file} does not fit {converted.architecture}: {str(error).splitlines()[-1].strip()}"
        ) from None
    missing = [name for name in missing if not name.startswith(converted.supplied)]
    if missing or unexpected:
        raise ValueError(
            f"{file} does not fit {converted.architecture} ({converted.network}): "
            f"{len(missing)} weights missing ({', '.join(missing[:3]) or 'none'}), "
            f"{len(unexpected)} unexpected ({', '.join(unexpected[:3]) or 'none'})"
        )


@torch.inference_mode()
def _check(model: System, recipe: Recipe) -> None:
    """One grey image must give as many finite values as the embedding has."""
    images = torch.zeros(1, 3, recipe.input.height, recipe.input.width)
    embedding = model.eval()(images).embedding
    if embedding.shape != (1, model.dimensions) or not bool(embedding.isfinite().all()):
        raise ValueError(
            f"the converted network gives {list(embedding.shape)} with "
            f"{int((~embedding.isfinite()).sum())} values that are not finite, expected "
            f"{[1, model.dimensions]} finite ones: the file is damaged or of another network"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
