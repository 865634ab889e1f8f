"""The model card: metadata that the hub can read, figures with intervals, and nothing made up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import yaml

import passerby
from passerby.evaluation.bootstrap import bootstrap_report
from passerby.evaluation.report import Report
from passerby.models.checkpoint import Card, read_card
from passerby.sharing.model_card import lacking, model_card_text, read_reports, write_model_card
from passerby.sharing.statements import Statements, read_statements, state
from passerby.tables.embeddings import Embeddings

SAID = {
    "licence": "cc-by-4.0",
    "data_terms": 'crops of "our" lobby: by consent # all of them',
    "weaknesses": ("dark clothes: at night", "[crowds]"),
    "base_models": ("somebody/osnet",),
}


@pytest.fixture
def report() -> Report:
    """Of six persons of the data set "lobby"."""
    persons = [1, 2, 3, 4, 5, 6]
    vectors = [[1.0, n] for n in persons]
    query = Embeddings(vectors, persons, [1] * 6, sources=["lobby"] * 6)
    moved = [[1.0, n + 0.4 * (n % 2)] for n in persons]
    gallery = Embeddings(moved, persons, [2] * 6, sources=["lobby"] * 6)
    return passerby.evaluate(query, gallery)


@pytest.fixture
def card(small_model: Path) -> Card:
    """Of a student of street's persons that was started from another model."""
    data = {
        "source": "lobby+drawn: one",
        "images": 72,
        "started_from": {"model": "there", "fingerprint": "aa11"},
        "teachers": [{"name": "large", "fingerprint": "bb22"}],
    }
    versions = {"passerby": "1.0"}
    own = replace(read_card(small_model), data=data, versions=versions)
    return replace(own, training_persons=("street/1", "street/2"))


def parsed(text: str) -> tuple[dict[str, Any], str]:
    """The metadata and the Markdown below it."""
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_metadata_are_what_was_said_and_measured(card: Card, report: Report) -> None:
    metadata, _ = parsed(model_card_text(card, Statements(**SAID), [report]))
    assert metadata["library_name"] == "passerby"
    assert metadata["pipeline_tag"] == "image-feature-extraction"
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["datasets"] == ["lobby", "drawn: one", "street"]
    assert metadata["base_model"] == ["somebody/osnet"]
    (result,) = metadata["model-index"][0]["results"]
    assert result["dataset"] == {"type": "lobby", "name": "lobby"}
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values == {
        "rank-1": round(report.rank1, 2),
        "mAP": round(report.mean_average_precision, 2),
    }
    interval = bootstrap_report(report).rank1.interval
    assert f"{interval.low:.2f} to {interval.high:.2f}" in result["metrics"][0]["name"]


def test_the_hubs_own_reader_takes_it(card: Card, report: Report) -> None:
    read = huggingface_hub.ModelCard(model_card_text(card, Statements(**SAID), [report]))
    assert read.data.license == "cc-by-4.0"
    assert [one.metric_type for one in read.data.eval_results] == ["rank-1", "mAP"]
    assert read.data.eval_results[0].metric_value == pytest.approx(report.rank1, abs=0.01)


def test_the_text_tells_origins_figures_and_weaknesses(card: Card, report: Report) -> None:
    _, body = parsed(model_card_text(card, Statements(**SAID), [report], exported="ONNX, int8"))
    for told in (
        *SAID["weaknesses"],
        SAID["data_terms"],
        "`aa11`",
        "large (`bb22`)",
        str(bootstrap_report(report).mean_average_precision),
        "An export: ONNX, int8.",
        "a distance is no probability",
    ):
        assert told in body
    assert "yes, by other persons" in body  # lobby is a data set of the training
    assert "unknown: nobody" not in body


def test_what_is_unknown_is_said_so(small_model: Path) -> None:
    metadata, body = parsed(model_card_text(read_card(small_model), Statements(), []))
    assert metadata["license"] == "unknown"
    assert metadata["datasets"] == []
    assert "model-index" not in metadata
    assert "More Information Needed" not in body
    assert body.count("unknown: nobody has said") >= 4
    assert "Unknown: it was scored on no test part." in body


def test_all_that_lacks_is_named(card: Card, report: Report) -> None:
    assert lacking(card, Statements(**SAID), [report]) == []
    gaps = lacking(replace(card, fingerprint=""), Statements(intended=(), not_intended=()), [])
    assert [gap.partition(" (")[0] for gap in gaps] == [
        "the licence of the weights",
        "where the training images are from and under which terms",
        "known weaknesses",
        "intended use",
        "not intended use",
        "figures",
        "the fingerprint of the weights",
    ]


def test_statements_are_kept_and_changed_one_by_one(tmp_path: Path) -> None:
    assert read_statements(tmp_path) == Statements()
    state(tmp_path, {"licence": "mit", "weaknesses": ("ä",)})
    state(tmp_path, {"licence": "other"})
    assert read_statements(tmp_path) == Statements(licence="other", weaknesses=("ä",))
    (tmp_path / "statements.json").write_text('{"format": 1, "licence": 3}')
    with pytest.raises(ValueError, match="licence"):
        read_statements(tmp_path)


def test_the_packaged_model_is_not_changed() -> None:
    from passerby.models.packaged import DEFAULT, model_folder

    with pytest.raises(ValueError, match="the packaged model is not changed"):
        state(model_folder(DEFAULT), {"licence": "mit"})


def test_a_card_written_by_hand_stays(make_model: Callable[..., Path]) -> None:
    folder = make_model(31)
    file = write_model_card(folder)
    assert file == folder / "README.md"
    text = file.read_text(encoding="utf-8")
    assert write_model_card(folder) == file
    assert file.read_text(encoding="utf-8") == text
    file.write_text("# mine", encoding="utf-8")
    assert write_model_card(folder) is None
    assert file.read_text(encoding="utf-8") == "# mine"


def test_reports_are_found_by_name(tmp_path: Path, report: Report) -> None:
    report.to_json(tmp_path / "report.json")
    report.to_json(tmp_path / "report-lobby.json")
    assert [one.queries for one in read_reports(tmp_path)] == [6, 6]
