"""Make the 8-bit model that comes with Passerby of the float one: quantise, prove, calibrate.

    python benchmarks/packaged_int8.py OUT [--calibrate CROPS ...] [--site ROOT] [--most-lost 0.5]
        [--install]

OUT/crops are 300 persons that it is quantised on, OUT/site others, all seen by the cameras of one
site, on which scores before and after are compared and its calibration is fitted: all drawn or
rendered, so that nothing of real people is in the package. --calibrate and --site name others, as
the site of `default_model.py`. Called again it keeps what it drew. --install copies the model into
the package and writes the float one's card beside that. Needs the extra "passerby[export]".
Prints what was proved and the size; `benchmarks/precision.py` says what it loses on other persons,
`benchmarks/inference.py --exported lite0=OUT/default-int8` how fast it is.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from default_model import SITE, SOURCE

from passerby.assessment.calibrate import calibration_file
from passerby.evaluation.decisions.calibration_files import read_calibrations, write_calibration
from passerby.export.exporting import Options, export_model
from passerby.export.quantising import save_said
from passerby.models.packaged import DEFAULT, INT8, model_folder
from passerby.sharing.model_card import write_model_card
from passerby.sharing.statements import state
from passerby.synthesis.writing import write

CROPS = {"seed": 31, "train_persons": 75, "test_persons": 2, "cameras": 2, "images": 2}
SAID = {
    "licence": "apache-2.0",
    "data_terms": "persons that Passerby's generator drew and rendered; the start is a classifier "
    "of ImageNet-1k, whose photographs have terms of their own (page: The packaged model)",
    "weaknesses": (
        "trained on synthetic persons only: on real cameras it finds far fewer than a model that "
        "was trained on real ones",
        "a stated false-match rate does not hold on other cameras: calibrate a copy on your own",
    ),
}
WARNING = (
    "learnt from synthetic persons: on real ones false matches are more than is stated; calibrate "
    "a copy of the model on persons of your own"
)


def make(
    out: Path, crops: list[str], site: str, style: str, workers: int, *, most_lost: float
) -> Path:
    """Quantise, prove and calibrate into a folder below ``out``; returns it."""
    if not crops:
        crops = [drawn(out / "crops", CROPS, style, workers)]
    if not site:
        settings = {**SITE, "images": 2, "distractors": 0, "junk": 0}
        site = drawn(out / "site", settings, style, workers)
    data = f"{SOURCE}_site:synthetic={site}"
    folder = out / INT8
    made = export_model(
        model_folder(DEFAULT),
        folder,
        Options(to="openvino", int8=True, calibrate=tuple(crops), data=data, most_lost=most_lost),
    )
    print(made)
    file = calibration_file(folder)
    for calibration in read_calibrations(file):
        # That the sets might share persons is no doubt here: their seeds differ.
        known = tuple(doubt for doubt in calibration.warnings if SOURCE not in doubt)
        write_calibration(file, replace(calibration, warnings=(*known, WARNING)))
    state(folder, SAID)
    card = write_model_card(folder, exported="OpenVINO, int8")
    texts = [path.read_text("utf-8") for path in (file, card)]  # the file carries them inside, too
    said = replace(made.exported, licence=SAID["licence"], calibration=texts[0])
    save_said(made.file, replace(said, model_card=texts[1]))
    return folder


def drawn(folder: Path, settings: dict[str, int], style: str, workers: int) -> str:
    """The folder of a synthetic set, drawn unless it is there."""
    if not folder.exists():
        write(folder, **settings, style=style, workers=workers)
    return str(folder)


def install(folder: Path) -> None:
    """Put the 8-bit model into the package, and the card of the float one beside that."""
    target = model_folder(INT8)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    plain = folder.parent / "card"
    shutil.rmtree(plain, ignore_errors=True)
    shutil.copytree(model_folder(DEFAULT), plain)  # the packaged one itself is never changed
    state(plain, SAID)
    write_model_card(plain)
    for name in ("README.md", "statements.json"):
        shutil.copyfile(plain / name, model_folder(DEFAULT) / name)


def main() -> None:
    """Make it and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--calibrate", nargs="+", default=[], metavar="CROPS")
    parser.add_argument("--site", default="", metavar="ROOT")
    parser.add_argument("--style", default="mixed", help="of what is drawn; mixed needs MakeHuman")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--most-lost", type=float, default=0.5, help="points of mAP on the site")
    given = parser.parse_args()
    most = given.most_lost
    folder = make(
        given.out, given.calibrate, given.site, given.style, given.workers, most_lost=most
    )
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {size / 1e6:.2f} MB")
    if given.install:
        install(folder)


if __name__ == "__main__":
    main()
