"""The file of a case: a zip with the report, the pictures, all figures as JSON, and a manifest.

The same case at the same time gives the same bytes: members are in order and have no date of their
own. ``manifest.json`` has the length and SHA-256 of every other member; its own SHA-256 is told
when the file is written, to be kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from passerby.evaluation.decisions.wording import support, verbal_scale
from passerby.gallery.case.case import Case
from passerby.gallery.case.exhibits import Exhibit
from passerby.gallery.case.folders import without_folders
from passerby.gallery.text_tables import time_text
from passerby.process.spelling import count_of
from passerby.process.whole_files import replacing
from passerby.version import __version__

FORMAT = 1
MANIFEST, FIGURES, REPORT = "manifest.json", "case.json", "report.html"

_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say


@dataclass(frozen=True)
class CaseWritten:
    """files: in the case, the manifest not counted; bytes: of the zip; sha256: of the manifest."""

    files: int
    bytes: int
    sha256: str

    def __str__(self) -> str:
        return (
            f"{count_of(self.files, 'file')}, {self.bytes / 1e6:.1f} MB; SHA-256 of the manifest: "
            f"{self.sha256}\nkeep this number apart from the file: passerby gallery verify-case "
            "FILE says it again, and whether all is as it was written"
        )


def write_case(case: Case, report: str, file: str | os.PathLike[str] | IO[bytes]) -> CaseWritten:
    """Write the zip of a case with its report (HTML), whole or not at all where a path is given.

    Raises:
        DiskFull: It does not fit; an older file stays.
    """
    members = {
        REPORT: report.encode(),
        FIGURES: (json.dumps(figures(case), indent=1, allow_nan=False) + "\n").encode(),
        **{picture.name: picture.content for picture in case.pictures},
    }
    manifest = {
        "format": FORMAT,
        "made_by": f"passerby {__version__}",
        "made": time_text(case.asked.at),
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        },
    }
    text = (json.dumps(manifest, indent=1) + "\n").encode()
    digest = hashlib.sha256(text).hexdigest()
    if isinstance(file, str | os.PathLike):
        with replacing(Path(file), sum(map(len, members.values())), private=True) as opened:
            size = _zip(opened, {MANIFEST: text, **members})
    else:
        size = _zip(file, {MANIFEST: text, **members})
    return CaseWritten(len(members), size, digest)


def figures(case: Case) -> dict[str, object]:
    """Everything of a case but the pictures' bytes, as JSON can hold it."""
    asked = case.asked
    return {
        "format": FORMAT,
        "title": case.title,
        "asked": {
            "by": asked.by,
            "reason": asked.reason,
            "command": asked.command,
            "at": time_text(asked.at),
        },
        "version": __version__,
        "model": asdict(case.model),
        "question": case.question,
        "queries": [picture.name for picture in case.queries],
        "answer": case.answer,
        "prior_absent": case.prior_absent,
        "absent": case.absent,
        "passages": [_exhibit(one) for one in case.exhibits],
        "calibration": None if case.calibration is None else asdict(case.calibration),
        "verbal_scale": [{"from": least, "words": words} for least, words in verbal_scale()],
        "notes": [without_folders(note) for note in case.notes],
    }


def _exhibit(exhibit: Exhibit) -> dict[str, object]:
    content = asdict(exhibit)
    llr, spread = content.pop("llr"), content.pop("llr_interval")
    content["pictures"] = [
        {"file": one.name, "is": one.kind, "second": one.second} for one in exhibit.pictures
    ]
    content |= {
        name: time_text(value) or None
        for name, value in content.items()
        if isinstance(value, datetime)
    }
    return {
        **content,
        "log_likelihood_ratio": llr,
        "log_likelihood_ratio_interval": spread and [spread["low"], spread["high"]],
        "support": None if llr is None else support(llr),
    }


def _zip(file: IO[bytes], members: Mapping[str, bytes]) -> int:
    start = file.tell()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, _DATE)
            text = name.endswith((".json", ".html"))
            info.compress_type = zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED
            info.external_attr = 0o600 << 16
            info.create_system = 3  # the same on every machine
            archive.writestr(info, data)
    return file.tell() - start
