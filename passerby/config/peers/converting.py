"""A configuration file of another toolkit, made a recipe, with what became of each of its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passerby.config.peers import fastreid, torchreid
from passerby.config.peers.keys import Keys, short
from passerby.config.peers.yaml_files import read_yaml
from passerby.config.recipe import Recipe, with_settings


@dataclass(frozen=True)
class ConvertedConfig:
    """A recipe, and what became of the keys of the configuration that it was made of.

    Args:
        recipe: Its ``origins`` say what is lost.
        toolkit: Whose configuration it was.
        files: The file and its bases, nearest first.
        data: What ``--data`` takes, one text a data set.
        translated: By key, where it stands here.
        lost: By key, why nothing here stands for it.
        unknown: By key, what may have been meant.
        notes: What differs although no key says so.
    """

    recipe: Recipe
    toolkit: str
    files: tuple[Path, ...]
    data: tuple[str, ...]
    translated: Mapping[str, str]
    lost: Mapping[str, str]
    unknown: Mapping[str, str]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        bases = ", ".join(file.name for file in self.files[1:])
        lines = [f"{self.files[0]}: of {self.toolkit}" + (f", on {bases}" if bases else "")]
        for title, found in (
            ("translated", self.translated),
            ("without a counterpart here", self.lost),
            ("unknown, and left out", self.unknown),
        ):
            lines.append(f"{title}: {len(found)}")
            width = max(map(len, found), default=0)
            lines += [f"  {key:<{width}}  {text}".rstrip() for key, text in sorted(found.items())]
        return "\n".join([*lines, *(f"differs: {note}" for note in self.notes)])


def convert_config(
    file: Path, *, images: int | None = None, bases: Path | None = None,
    settings: Sequence[str] = (),
) -> ConvertedConfig:  # fmt: skip
    """Read a YAML configuration of FastReID or torchreid as a recipe.

    Args:
        file: Its file; bases (``_BASE_``) are read, too.
        images: Of the train part, where iterations are counted and no known data set is named.
        bases: Folder in or below which bases may lie; the one above the file's where None.
        settings: ``path=value`` each, changed in the recipe; of a network that is not here they
            name what takes its place.

    Raises:
        ValueError: for a file that is neither's, a value that does not fit, and a network or loss
            without a counterpart.
    """
    if images is not None and not 1 <= images <= 10**9:
        raise ValueError(f"--images is of the train part, from 1 to 1,000,000,000, got {images}")
    values, read = read_yaml(file, bases)
    keys = Keys(values)
    _refuse_relatives(file, keys)
    if fastreid.is_fastreid(keys):
        toolkit, recipe_of = fastreid.NAME, fastreid.recipe_of
    elif torchreid.is_torchreid(keys):
        toolkit, recipe_of = torchreid.NAME, torchreid.recipe_of
    else:
        raise ValueError(f"{file}: its keys are neither FastReID's nor torchreid's")
    try:
        recipe, data = recipe_of(keys, file.stem, images)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    for path, why in keys.replaceable.items():
        if not any(setting.startswith((f"{path}=", f"{path}.")) for setting in settings):
            raise ValueError(f"{file}: {why}; name what takes its place with --set {path}=...")
    recipe = with_settings(replace(recipe, origins=_origins(file, toolkit, keys)), settings)
    unknown = keys.unknown()
    return ConvertedConfig(
        recipe, toolkit, (file, *read), data, keys.translated, keys.lost, unknown,
        tuple(keys.notes),
    )  # fmt: skip


def _refuse_relatives(file: Path, keys: Keys) -> None:
    """ValueError for codes with keys in capitals, too, that mean other things by them."""
    if "SOLVER.OPTIMIZER_NAME" in keys.values or "MODEL.PRETRAIN_CHOICE" in keys.values:
        raise ValueError(
            f"{file}: a configuration of bag of tricks, TransReID or one of their descendants, "
            "not of FastReID; what they are, recipes are (passerby list recipes)"
        )


def _origins(file: Path, toolkit: str, keys: Keys) -> tuple[str, ...]:
    lost = [f"{key} = {short(keys.values[key])}: {why}" for key, why in sorted(keys.lost.items())]
    unknown = [f"{key} is not known" for key in sorted(keys.unknown())]
    return (
        f"converted from {file.name}, a configuration of {toolkit}",
        *keys.notes,
        *lost,
        *unknown,
    )
