"""Model cards: README.md in the form that the Hugging Face hub reads, with what is unknown said so.

The front matter is the hub's metadata (https://huggingface.co/docs/hub/model-cards); the sections
follow Mitchell et al. 2019, "Model cards for model reporting".
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from passerby.evaluation.bootstrap import Estimate, Scores, bootstrap_report
from passerby.evaluation.report import Report
from passerby.models.checkpoint import Card, read_card
from passerby.process.reporting import say
from passerby.process.whole_files import write_whole
from passerby.sharing.statements import Statements, read_statements

FILE = "README.md"
UNKNOWN = "unknown: nobody has said"
_MARKER = "<!-- written by passerby: `passerby card` writes it anew from what lies beside it -->"


@dataclass(frozen=True, eq=False)
class Figure:
    """A report as a card shows it; at_home: its data set is one of the training's, and so are its
    cameras."""

    source: str
    report: Report
    scores: Scores
    at_home: bool

    def metric(self, name: str, estimate: Estimate) -> str:
        """A figure's name, with its interval."""
        interval = estimate.interval
        return f"{name}, percent (95 % interval {interval.low:.2f} to {interval.high:.2f})"


def write_model_card(folder: str | os.PathLike[str], *, exported: str = "") -> Path | None:
    """Write a model folder's README.md from what lies in it; None where somebody wrote one by hand.

    exported: what the export is ("ONNX, int8"), "" for a checkpoint. Raises ValueError for a folder
    without a model and for damaged files.
    """
    place = Path(folder)
    file = place / FILE
    if written_by_hand(file):
        say(f"{file} was written by hand: it stays as it is")
        return None
    card, statements = read_card(place), read_statements(place)
    calibrated = (place / "calibration.json").exists()
    text = model_card_text(
        card, statements, read_reports(place), exported=exported, calibrated=calibrated
    )
    write_whole(file, text)
    return file


def written_by_hand(file: Path) -> bool:
    """Whether a card is there that Passerby did not write, and so does not replace."""
    return file.exists() and _MARKER not in file.read_text(encoding="utf-8", errors="replace")


def model_card_text(
    card: Card,
    statements: Statements,
    reports: Sequence[Report],
    *,
    exported: str = "",
    calibrated: bool = False,
) -> str:
    """A model's card, as Markdown under the hub's metadata; the same for the same facts."""
    environment = Environment(
        loader=PackageLoader("passerby.sharing", ""), undefined=StrictUndefined, autoescape=False
    )
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    return (
        environment.get_template("model_card.md.jinja")
        .render(
            card=card,
            statements=statements,
            exported=exported,
            figures=[_figure(report, _sources(card)) for report in reports],
            sources=_sources(card),
            known_persons=len(card.training_persons),
            adapted=_adapted(card),
            origins=_origins(card),
            versions=versions or UNKNOWN,
            unknown=UNKNOWN,
            marker=_MARKER,
            calibrated=(
                "there is a calibration beside it; its warnings say where it holds."
                if calibrated
                else "none; a distance is no probability."
            ),
        )
        .rstrip()
        + "\n"
    )


def lacking(card: Card, statements: Statements, reports: Sequence[Report]) -> list[str]:
    """What a card lacks for others to judge the model by, with how to say it; empty if nothing."""
    gaps = {
        "the licence of the weights (passerby card MODEL --licence apache-2.0)": statements.licence,
        "where the training images are from and under which terms (--data-terms TEXT)": (
            statements.data_terms
        ),
        "known weaknesses (--weakness TEXT)": statements.weaknesses,
        "intended use (--intended TEXT)": statements.intended,
        "not intended use (--not-intended TEXT)": statements.not_intended,
        "figures (passerby evaluate MODEL --data ROOT --json MODEL/report.json)": reports,
        "the fingerprint of the weights": card.fingerprint,
    }
    return [gap for gap, said in gaps.items() if not said]


def lacking_in(folder: str | os.PathLike[str]) -> list[str]:
    """What the card of a model folder lacks, as `lacking`. Raises ValueError for damaged files."""
    place = Path(folder)
    gaps = lacking(read_card(place), read_statements(place), read_reports(place))
    return gaps if (place / FILE).is_file() else [f"{FILE} (passerby card {place})", *gaps]


def read_reports(folder: str | os.PathLike[str]) -> list[Report]:
    """The reports in a model folder, by name: ``report.json``, ``report-NAME.json``."""
    return [Report.from_json(file) for file in sorted(Path(folder).glob("report*.json"))]


def _figure(report: Report, sources: Sequence[str]) -> Figure:
    persons = report.query_persons.tolist()
    source = persons[0].rpartition("/")[0] if persons else ""
    return Figure(source or "unknown", report, bootstrap_report(report), source in sources)


def _sources(card: Card) -> list[str]:
    """The data sets of the training, those of a start or of teachers included."""
    own = str(card.data.get("source", "")).split("+")
    seen = [name.rpartition("/")[0] for name in card.training_persons]
    return [source for source in dict.fromkeys((*own, *seen)) if source]


def _adapted(card: Card) -> Mapping[str, object] | None:
    """What a card says of sightings that the model was fine-tuned on; None where there were none.
    Raises ValueError where it is not written as `fine_tuning` does."""
    found = card.data.get("adapted")
    if found is None:
        return None
    wanted = ("sightings", "cameras", "from", "summary", "guard")
    if not isinstance(found, Mapping) or not {*wanted} <= {*found}:
        raise ValueError(f"the model's config.json: data.adapted must have {', '.join(wanted)}")
    return {name: str(found[name]) for name in wanted}


def _origins(card: Card) -> list[tuple[str, str]]:
    """Other models that it comes from."""
    found = []
    start = card.data.get("started_from")
    if isinstance(start, Mapping):
        found.append(("started from", f"`{start.get('fingerprint', UNKNOWN)}`"))
    elif card.recipe.network.start == "imagenet":
        found.append(("started from", "a classifier of ImageNet-1k (photographs of the web)"))
    teachers = card.data.get("teachers")
    if isinstance(teachers, list):
        told = ", ".join(f"{one['name']} (`{one['fingerprint']}`)" for one in teachers)
        found.append(("learnt from the vectors of", told))
    return found
