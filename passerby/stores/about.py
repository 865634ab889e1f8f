"""What a gallery is of: one model, its preprocessing and its calibration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

FORMAT = 1


@dataclass(frozen=True)
class About:
    """Stored with a gallery, so that no other model's embeddings come into it.

    model: fingerprint of the network; pooling: how an image becomes a vector ("plain", "flip",
    ...); dimensions: D; name and place: of the model, to open it again; input: its preprocessing;
    calibrations: of distances of this model, by kind ("single", "pooled"), as calibration.json has
    them; created: when, ISO 8601 in UTC; format: of the gallery.
    """

    model: str
    pooling: str
    dimensions: int
    name: str = ""
    place: str = ""
    input: Mapping[str, object] = field(default_factory=dict)
    calibrations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    created: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """As text that `from_json` reads."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> About:
        """Read what `to_json` wrote. Raises ValueError for anything else or a newer format."""
        try:
            values = json.loads(text)
            version = values["format"]
        except (ValueError, TypeError, KeyError):
            raise ValueError("expected the description of a gallery as JSON") from None
        if not isinstance(version, int) or version > FORMAT:
            raise ValueError(
                f"the gallery has format {version}, and this version of Passerby knows {FORMAT}: "
                "upgrade Passerby"
            )
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"the description of the gallery is damaged: {error}") from None
