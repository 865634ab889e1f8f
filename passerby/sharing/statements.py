"""What only people can say of a model: its licence, the terms of its data, what it is for."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from passerby.models.packaged import is_packaged
from passerby.process.json_files import read_dataclass
from passerby.process.whole_files import write_whole

FILE = "statements.json"
FORMAT = 1

_INTENDED = (
    "finding a person's other appearances in one's own footage, where a human looks at the ranked "
    "list and decides",
    "a start for training on cameras of one's own",
    "research on person re-identification",
)
_NOT_INTENDED = (
    "deciding about anybody by its answer alone, or as proof of identity",
    "finding people in public spaces without a legal ground (embeddings that serve to identify "
    "somebody are biometric data; in the EU see GDPR Article 9 and the AI Act)",
    "recognising faces, or people across days and changes of clothes",
)


@dataclass(frozen=True)
class Statements:
    """Statements on a model, kept as ``statements.json`` beside it; what is empty is unknown.

    licence: of the weights, as the hub writes it ("apache-2.0", "cc-by-4.0", "other"); data_terms:
    where the training images are from and under which terms; weaknesses: what it is known to do
    badly; intended, not_intended: uses; base_models: on the hub ("owner/name"), that it comes from.
    """

    licence: str = ""
    data_terms: str = ""
    weaknesses: tuple[str, ...] = ()
    intended: tuple[str, ...] = _INTENDED
    not_intended: tuple[str, ...] = _NOT_INTENDED
    base_models: tuple[str, ...] = ()


def read_statements(folder: str | os.PathLike[str]) -> Statements:
    """The statements in a model folder, the general ones where nobody has made any.

    Raises ValueError when the file is damaged.
    """
    file = Path(folder) / FILE
    if not file.exists():
        return Statements()
    return read_dataclass(Statements, file, "statements on a model", FORMAT)


def state(folder: str | os.PathLike[str], said: Mapping[str, Any]) -> Statements:
    """Change some of the statements in a model folder, by their names; returns all.

    Raises ValueError for the packaged model, which nothing may change, and as `read_statements`.
    """
    if is_packaged(folder):
        raise ValueError("the packaged model is not changed: name a folder of your own")
    statements = replace(read_statements(folder), **said)
    if not said:
        return statements
    content = {"format": FORMAT, **dataclasses.asdict(statements)}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_whole(Path(folder) / FILE, text + "\n")
    return statements
