"""The calibrations that a gallery carries: of single images, and of queries of several, pooled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Literal

from passerby.evaluation.calibration import Calibration, calibration_from
from passerby.gallery.about import About

Kind = Literal["single", "pooled"]


def calibration_of(about: About, kind: Kind) -> Calibration | None:
    """The calibration of one kind, None where the gallery has none.

    Raises ValueError for one that is damaged or of another model, distance or pooling.
    """
    entry = about.calibrations.get(kind)
    if entry is None:
        return None
    try:
        calibration = calibration_from(entry)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the {kind} calibration of the gallery is damaged ({error!r}): store it again with "
            "passerby gallery calibrate"
        ) from None
    if _kind(about, calibration) != kind:
        raise ValueError(
            f"the {kind} calibration of the gallery is of {', '.join(calibration.key)} (model, "
            f"distance, pooling) and not of {about.model}, cosine, {about.pooling}: store it again "
            "with passerby gallery calibrate"
        )
    return calibration


def with_calibrations(about: About, calibrations: Iterable[Calibration]) -> About:
    """The description with those of the calibrations that are of its model, cosine and pooling.

    Of several of one kind the last counts. Raises ValueError where none fits.
    """
    given = list(calibrations)
    kinds = [(_kind(about, one), one) for one in given]
    found: dict[str, Mapping[str, object]] = {
        kind: asdict(one) for kind, one in kinds if kind is not None
    }
    if not found:
        others = "; ".join(", ".join(one.key) for one in given) or "nothing"
        raise ValueError(
            f"expected a calibration for {about.model}, cosine, {about.pooling} (model, distance, "
            f"pooling), got those for {others}: run passerby calibrate on the gallery's model"
        )
    return replace(about, calibrations={**about.calibrations, **found})


def _kind(about: About, calibration: Calibration) -> Kind | None:
    model, metric, pooling = calibration.key
    if (model, metric) != (about.model, "cosine"):
        return None
    if pooling == about.pooling:
        return "single"
    return "pooled" if pooling.startswith(f"{about.pooling}+mean of ") else None
