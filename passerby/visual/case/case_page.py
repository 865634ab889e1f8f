"""The report of a case: one HTML file in its zip, read without a script, a network or this package.

The template (``case.html``) escapes all names and texts. Pictures in it are small copies; the files
beside it are what was enrolled or kept.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import IO

from markupsafe import Markup
from PIL import Image

from passerby.data.images import UnreadableImage, decode_contents
from passerby.evaluation.decisions.likelihood import probability
from passerby.evaluation.decisions.wording import (
    likelihood_ratio,
    percent,
    ratio_with_ends,
    support,
    verbal_scale,
)
from passerby.gallery.case.case import Case
from passerby.gallery.case.exhibits import Exhibit, Picture
from passerby.gallery.case.folders import without_folders
from passerby.gallery.case.writing import CaseWritten, write_case
from passerby.gallery.text_tables import seconds_text, span_text, time_text
from passerby.version import __version__
from passerby.visual.drawing import data_uri
from passerby.visual.report_page import TEMPLATES
from passerby.visual.svg.calibration_charts import distances_chart, reliability_chart
from passerby.visual.svg.lane_charts import Block, lane_chart

_SIZE = (160, 320)  # pixels within which a picture is drawn
_OTHERS = (1, 10, 1_000, 100_000)  # persons that it could be as well, in the example


def write_case_file(case: Case, file: str | os.PathLike[str] | IO[bytes]) -> CaseWritten:
    """Write a case with its report as a zip. Errors as `gallery.case.writing.write_case`."""
    return write_case(case, case_page(case), file)


def case_page(case: Case) -> str:
    """The report, as HTML."""
    return TEMPLATES.get_template("case/case.html").render(
        version=__version__,
        case=case,
        asked_at=time_text(case.asked.at),
        question=[(name.replace("_", " "), _said(value)) for name, value in case.question.items()],
        queries=[_picture(one) for one in case.queries],
        absent="" if case.absent is None else percent(case.absent),
        prior="" if case.prior_absent is None else percent(case.prior_absent),
        exhibits=[_exhibit(one) for one in case.exhibits],
        lanes=Markup(_lanes(case)),
        calibrations=_calibrations(case),
        charts=[Markup(chart) for chart in _charts(case)],
        scale=verbal_scale(),
        example=_example(case),
        rated=any(one.false_match_rate is not None for one in case.exhibits),
    )


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else "none: all sightings"
    return str(value) if value not in ("", None) else "not said"


def _exhibit(exhibit: Exhibit) -> dict[str, object]:
    rows = [
        ("camera", exhibit.camera or "not known"),
        ("seen", span_text(exhibit.first, exhibit.last) or "no time known"),
        ("video", " ".join(filter(None, (exhibit.source, exhibit.clip)))),
        ("name in the gallery", exhibit.person or "none"),
        ("likelihood ratio", _ratio(exhibit)),
        ("in words", "" if exhibit.llr is None else support(exhibit.llr)),
        (
            "false-match rate",
            "" if exhibit.false_match_rate is None else f"{exhibit.false_match_rate:.2g}",
        ),
        ("probability", "" if exhibit.probability is None else percent(exhibit.probability)),
        ("distance", "" if exhibit.distance is None else f"{exhibit.distance:z.4f}"),
        ("sightings", f"{exhibit.sightings:,}"),
        ("enrolled from", exhibit.file),
        ("sighting", exhibit.sighting),
    ]
    return {
        "number": exhibit.number,
        "pictures": [_picture(one) for one in exhibit.pictures],
        "missing": exhibit.missing,
        "rows": [(name, text) for name, text in rows if text],
        "impossible": exhibit.impossible,
    }


def _ratio(exhibit: Exhibit) -> str:
    return "" if exhibit.llr is None else ratio_with_ends(exhibit.llr, exhibit.llr_interval)


def _picture(picture: Picture) -> dict[str, str]:
    said = {"file": picture.name, "kind": picture.kind, "picture": "", "second": ""}
    if picture.second is not None:
        said["second"] = seconds_text(picture.second, picture.second)
    try:
        image = Image.fromarray(decode_contents(picture.content, picture.name))
        image.thumbnail(_SIZE)
        said["picture"] = data_uri(image)
    except UnreadableImage as error:
        said["kind"] = f"{picture.kind}, not shown: {error.reason}"
    return said


def _lanes(case: Case) -> str:
    if case.path is None:
        return ""
    blocks = [
        Block(
            stay.camera or "no camera known",
            stay.first,
            stay.last,
            " ".join(filter(None, (span_text(stay.first, stay.last), stay.impossible))),
            bool(stay.impossible),
        )
        for stay in case.path.stays
        if stay.first is not None and stay.last is not None
    ]
    return lane_chart(blocks, title="Passages over the cameras") if blocks else ""


def _calibrations(case: Case) -> list[str]:
    """The one of all cameras, then that within a camera, then those of two alone, in words."""
    if case.calibration is None:
        return []
    both = [one for one in (case.calibration, case.calibration.within) if one is not None]
    alone = [one for each in both for one in each.between]
    wholes = [replace(one, within=None, between=()) for one in both]
    return [without_folders(str(one)) for one in (*wholes, *alone)]


def _charts(case: Case) -> list[str]:
    if case.calibration is None:
        return []
    return [distances_chart(case.calibration), reliability_chart(case.calibration)]


def _example(case: Case) -> dict[str, object] | None:
    """What the greatest ratio of the case makes of different priors."""
    llrs = [one.llr for one in case.exhibits if one.llr is not None]
    if not llrs:
        return None
    best = max(llrs)
    return {
        "ratio": likelihood_ratio(best),
        "rows": [
            (f"{others:,}", percent(float(probability(best, 1 / (1 + others)))))
            for others in _OTHERS
        ],
    }
