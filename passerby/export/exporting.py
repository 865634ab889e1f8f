"""From a checkpoint to a file of another runtime that is shown to be right, or to nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from torch import Tensor

from passerby.assessment.score import Scoring, score_model
from passerby.config import Input
from passerby.conversion.graph import Graph, output_names
from passerby.conversion.onnx_files import write_onnx
from passerby.conversion.openvino_files import write_openvino
from passerby.conversion.torch_files import write_torch
from passerby.data.reading.reader import read_split
from passerby.embedding.converted import drawn_persons
from passerby.embedding.embedder import load
from passerby.embedding.preprocessing import normalised
from passerby.embedding.runtimes.exported import (
    FILES,
    KEY,
    TORCH_FILE,
    Exported,
    exported_file,
    fingerprint_of,
)
from passerby.evaluation.bootstrap import ReportComparison, compare_reports
from passerby.evaluation.report import Report
from passerby.export.carrying import (
    CALIBRATION,
    CARD,
    carried,
    carry_if_true,
    carry_model,
    carry_vectors,
    refit_calibrations,
)
from passerby.export.first_difference import first_difference, layer_differences
from passerby.export.parity import BATCHES, EXACT, QUANTISED, Bounds, Parity, parities
from passerby.export.quantising import Quantisation, quantise, save_said
from passerby.export.running import runs_file, runs_network
from passerby.export.tensorrt import refused_by_tensorrt, trtexec_command
from passerby.export.trial_images import real_images
from passerby.models.checkpoint import load_model
from passerby.models.packaged import model_folder
from passerby.models.system import System
from passerby.process.plain_json import as_json
from passerby.process.reporting import progress, say
from passerby.sharing.statements import read_statements
from passerby.tables.records import Split
from passerby.version import __version__

Format = Literal["onnx", "openvino", "torch", "tensorrt"]

_TITLES = {"onnx": "ONNX", "openvino": "OpenVINO", "torch": "torch.export", "tensorrt": "ONNX"}
_MOST_CALIBRATED = 300  # images; more change nothing that can be measured
_SAME_SCORE = 0.05  # percentage points that a score in 32 bits may move, by ties


@dataclass(frozen=True)
class Options:
    """What is to be made.

    to: the format. pixels: preprocessing in the graph. any_size: free height and width.
    int8: quantised, calibrated on images of ``calibrate`` (folders, tables, data sets).
    data: a labelled set on whose test part the scores before and after are compared.
    most_lost: percentage points of mAP that int8 may cost there.
    """

    to: Format = "onnx"
    pixels: bool = False
    any_size: bool = False
    int8: bool = False
    calibrate: tuple[str, ...] = ()
    data: str | None = None
    most_lost: float = 0.5


@dataclass(frozen=True)
class Export:
    """What was written, and the proof. notes: what the user should know."""

    file: Path
    exported: Exported
    fingerprint: str
    parities: tuple[Parity, ...]
    scores: ReportComparison | None = None
    quantisation: Quantisation | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The file, the proof and what quantising cost, as JSON."""
        cost = self.quantisation
        kept = ("images", "before", "after", "layers")
        return as_json(
            {
                "file": self.file,
                "fingerprint": self.fingerprint,
                "parities": self.parities,
                "scores": self.scores,
                "quantisation": None if cost is None else {key: getattr(cost, key) for key in kept},
                "notes": self.notes,
            }
        )

    def __str__(self) -> str:
        worst = max(self.parities, key=lambda one: one.worst)
        lines = [*self.notes, f"parity at batches {', '.join(map(str, BATCHES))}; worst: {worst}"]
        if self.quantisation is not None:
            lines.append(str(self.quantisation))
        if self.scores is not None:
            lines.append(f"checkpoint and exported: {self.scores}")
        return "\n".join([*lines, f"written: {self.file} (vectors of {self.fingerprint})"])


def export_model(
    model: str | os.PathLike[str], out: str | os.PathLike[str], options: Options = Options()
) -> Export:
    """Write MODEL, a checkpoint, into the folder ``out`` as a file of another runtime.

    The file is run before it takes its place: at batch 1, 2, 7 and 32 its outputs must be those of
    the checkpoint, and with ``options.data`` its scores. Where they are not nothing is written.

    Raises:
        ValueError: no checkpoint; what cannot be exported or quantised so; an exported model that
            is not the checkpoint's equal, with the first layer that differs.
    """
    place, target = model_folder(model), Path(out)
    _require_possible(place, target, options)
    network, card = load_model(place)
    split = None if options.data is None else read_split(options.data)
    size = card.recipe.input
    said = Exported(
        card,
        network.dimensions,
        __version__,
        outputs=output_names(network, size),
        cameras=network.reads_cameras,
        pixels=options.pixels,
        licence=read_statements(place).licence,
    )
    images = _trial_images(size, options, split)
    with _staged(target) as part, progress("exporting") as advance:
        if not options.int8:
            carry_vectors(place, part)
        carry_model(place, part, _TITLES[options.to] + (", int8" if options.int8 else ""))
        said = _with_files(said, part)
        advance(0, 3, "graph")
        file = _write(network, said, part, options)
        advance(1, 3, "parity")
        found = parities(said.outputs, runs_network(network, size), runs_file(file, said), images)
        _require_parity(found, EXACT, lambda: _first_layer(network, said, images, options))
        quantisation: Quantisation | None = None
        if options.int8:
            calibration = real_images(options.calibrate, size, _MOST_CALIBRATED)
            quantisation = quantise(file, said, calibration)
            said = quantisation.exported
            found = parities(
                said.outputs, runs_network(network, size), runs_file(file, said), images
            )
            _require_parity(found, QUANTISED, lambda: str(quantisation))
        advance(2, 3, "scores")
        scores = None
        if split is not None:
            scores = _compared_scores(place, file, split)
            _require_scores(scores, options, quantisation)
        notes: tuple[str, ...] = ()
        if options.int8:
            notes = refit_calibrations(place, part, split) + carry_if_true(place, part, calibration)
            carry_model(place, part, f"{_TITLES[options.to]}, int8")  # which says if calibrated
            said = _with_files(said, part)
            save_said(file, said)
        if options.to == "tensorrt":
            _require_taken(file)
    written = target / file.name
    if options.to == "tensorrt":
        notes += _engine(written, said)
    runtime = "openvino" if options.to == "openvino" else "onnx"
    fingerprint = fingerprint_of(card.fingerprint, said.precision, runtime, said.quantised)
    return Export(written, said, fingerprint, found, scores, quantisation, notes)


def _require_possible(place: Path, target: Path, options: Options) -> None:
    """ValueError for what contradicts itself, before the work."""
    if exported_file(place) is not None:
        raise ValueError(f"{place} is exported already: export the checkpoint that it came from")
    if options.int8 and not options.calibrate:
        raise ValueError(
            "int8 needs crops of persons like those it will see: --calibrate FOLDER (some 300)"
        )
    if options.calibrate and not options.int8:
        raise ValueError("--calibrate is for --int8: without it nothing is calibrated")
    if options.int8 and (options.pixels or options.any_size or options.to in ("torch", "tensorrt")):
        raise ValueError(
            "--int8 is for onnx and openvino, with images of the network's own size: leave out "
            "--pixels and --any-size"
        )
    if options.data is not None and options.to == "torch":
        raise ValueError(
            "--data needs a runtime that Passerby opens: a torch file is compared by its vectors"
        )
    if target.exists() and not target.is_dir():
        raise ValueError(f"--out {target} is a file: expected a folder, existing or not")
    held = {path.name for path in target.iterdir()} if target.is_dir() else set()
    others = (set(FILES.values()) | {"model.safetensors"}) - {_file_name(options.to)}
    if held & others:
        raise ValueError(
            f"{target} holds {', '.join(sorted(held & others))} already, and a folder is one "
            "model: choose another --out"
        )


def _file_name(to: Format) -> str:
    return FILES["onnx" if to == "tensorrt" else to]


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """A folder whose files move to the target when all went well, the graph last."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as part:
        yield Path(part)
        target.mkdir(exist_ok=True)
        names = sorted(os.listdir(part), key=lambda name: name in FILES.values())
        held = set(os.listdir(target))
        for name in carried(held) | (held & {*FILES.values()}):
            (target / name).unlink()  # of an export before
        for name in names:
            shutil.move(os.path.join(part, name), target / name)


def _write(network: System, said: Exported, part: Path, options: Options) -> Path:
    size, text = said.input, said.to_json()
    how = {"pixels": options.pixels, "any_size": options.any_size}
    if options.to == "torch":
        return write_torch(network, size, part, metadata={TORCH_FILE: text}, **how)
    write = write_openvino if options.to == "openvino" else write_onnx
    return write(network, size, part, metadata={KEY: text}, **how)


def _trial_images(size: Input, options: Options, split: Split | None) -> Tensor:
    """Real images where the user names some, else drawn persons."""
    count = sum(BATCHES)
    if options.calibrate:
        return real_images(options.calibrate, size, count, seed=1)
    if split is not None and options.data is not None:
        return real_images((options.data,), size, count, seed=1)
    return drawn_persons(count, size)


def _require_parity(found: Sequence[Parity], bounds: Bounds, explained: Callable[[], str]) -> None:
    outside = [one for one in found if not one.within(bounds)]
    if outside:
        worst = "\n".join(f"  {one}" for one in outside)
        raise ValueError(
            f"the exported model is not the checkpoint's equal, so nothing was written:\n{worst}\n"
            f"{explained()}"
        )


def _first_layer(network: System, said: Exported, images: Tensor, options: Options) -> str:
    """In words, the first layer that differs."""
    graph = Graph(network, said.input)
    inputs = (normalised(images[:2], said.input).contiguous(), *graph.example()[1:])
    runtime = "openvino" if options.to == "openvino" else "onnx"
    with TemporaryDirectory() as folder:
        file = write_onnx(network, said.input, folder)
        found = first_difference(layer_differences(file, graph, inputs, runtime), EXACT.difference)
    if found is None:
        return "no layer differs by itself: it is the size of the batch, or the preprocessing"
    return f"the first layer that differs: {found.module}, by {found.difference:.1e}"


def _compared_scores(place: Path, file: Path, split: Split) -> ReportComparison:
    say("scoring the checkpoint and the exported model on the test part")
    reports: list[Report] = [score_model(load(one), split, Scoring()) for one in (place, file)]
    return compare_reports(*reports)


def _require_scores(
    scores: ReportComparison, options: Options, quantisation: Quantisation | None
) -> None:
    lost = -scores.mean_average_precision.difference.value
    if lost <= (options.most_lost if options.int8 else _SAME_SCORE):
        return
    layers = "" if quantisation is None else f"\n{quantisation.sensitivity}"
    raise ValueError(
        f"the exported model loses {lost:.2f} points of mAP, so nothing was written:\n{scores}"
        f"{layers}"
    )


def _with_files(said: Exported, part: Path) -> Exported:
    """With the texts of the calibration and the card that lie beside the file."""
    texts = [
        (part / name).read_text("utf-8") if (part / name).is_file() else ""
        for name in (CALIBRATION, CARD)
    ]
    return replace(said, calibration=texts[0], model_card=texts[1])


def _require_taken(file: Path) -> None:
    refused = refused_by_tensorrt(file)
    if refused:
        raise ValueError(f"TensorRT would refuse this model: {'; '.join(refused)}")


def _engine(file: Path, said: Exported) -> tuple[str, ...]:
    command = trtexec_command(file, said.input, cameras=said.cameras, pixels=said.pixels)
    return (
        "TensorRT is not run here and was not tried; nothing in the file is known to be refused "
        f"by it. The engine is built, on the machine that will run it, by:\n{command}",
    )
