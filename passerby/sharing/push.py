"""A model to the Hugging Face hub, with `huggingface_hub` (the extra "passerby[hub]")."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passerby.extras import lacking
from passerby.process.sizes import size_text
from passerby.sharing.model_card import FILE, lacking_in

# What a model is made of. Not reports and logs: they name persons, query by query.
_PATTERNS = (
    FILE, "config.json", "statements.json", "calibration.json", "model.*", "*-????????????????.py",
)  # fmt: skip
_REPOSITORY = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)


@dataclass(frozen=True)
class Upload:
    """Files of a model that go to a repository; sizes in bytes by name; address: where it is, ""
    when nothing was sent."""

    repository: str
    sizes: dict[str, int]
    address: str = ""

    def __str__(self) -> str:
        lines = [f"{size_text(size):>9}  {name}" for name, size in self.sizes.items()]
        total = size_text(sum(self.sizes.values()))
        if self.address:
            return "\n".join([*lines, f"{total} are in {self.address}"])
        return "\n".join([*lines, f"{total} would go to {self.repository}; nothing was sent"])


def push(
    model: str | os.PathLike[str],
    repository: str,
    *,
    public: bool = False,
    dry_run: bool = False,
    api: Any = None,
) -> Upload:
    """Send a model folder to the hub: weights, configuration, card, calibration, users' components.

    Args:
        model: A folder with a model and its card.
        repository: "owner/name"; it is made when there is none.
        public: Everybody may see a repository that is made now.
        dry_run: Send nothing, say what would be sent.
        api: A `huggingface_hub.HfApi`; one of the stored login if not given.

    Raises:
        ValueError: The card lacks something (all that it lacks is named), the name is none, the
            extra is not installed, or the hub refuses.
    """
    place = Path(model)
    if not _REPOSITORY.fullmatch(repository):
        raise ValueError(f"a repository is named owner/name, got {repository!r}")
    gaps = lacking_in(place)
    if gaps:
        listed = "".join(f"\n- {gap}" for gap in gaps)
        raise ValueError(f"the model card of {place} is not complete; it lacks{listed}")
    found = {file for pattern in _PATTERNS for file in place.glob(pattern) if file.is_file()}
    sizes = {file.name: file.stat().st_size for file in sorted(found)}
    if dry_run:
        return Upload(repository, sizes)
    return Upload(repository, sizes, _sent(place, repository, list(sizes), public, api))


def _sent(place: Path, repository: str, names: list[str], public: bool, api: Any) -> str:
    """Send the files in one commit; the repository's address."""
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise lacking("push (but not --dry-run)", "huggingface_hub", "hub", error) from None
    api = api or HfApi()
    try:
        address = api.create_repo(repository, private=not public, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=place,
            allow_patterns=names,
            commit_message="A model of Passerby",
        )
    except (HfHubHTTPError, OSError) as error:
        raise ValueError(f"the hub did not take {repository}: {error}") from None
    return str(address)
