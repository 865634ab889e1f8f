"""Run the Python blocks of pages, each page in a folder that has what its words name.

``python run_docs_python.py FOLDER PAGE...``. A page's blocks share one namespace, in order. ROOT, A
and B are data sets in Market-1501 layout, a.jpg and b.jpg crops, runs/ours a trained model of a few
thousand parameters, lobby a gallery; ``query``, ``gallery``, ``embeddings`` and ``embedder`` exist,
as the pages say of them.
"""

import os
import shutil
import sys
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import passerby
from passerby.config import Input, Network, Recipe
from passerby.evaluation.decisions.calibration_files import write_calibration
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.models.checkpoint import Card, save_model
from passerby.registry import SYSTEMS
from passerby.synthesis.writing import write
from tests.test_docs import blocks_of


def lay_out(folder: Path) -> None:
    """Make what the pages name, in a folder."""
    root = write(
        folder / "ROOT", seed=0, train_persons=8, test_persons=6, cameras=3, images=2,
        distractors=3, junk=2,
    )  # fmt: skip
    shutil.copytree(root / "query", root / "gt_bbox")
    for name in ("A", "B", "crops"):
        shutil.copytree(root, folder / name)
    first, second = sorted((root / "query").iterdir())[:2]
    shutil.copy(first, folder / "a.jpg")
    shutil.copy(second, folder / "b.jpg")
    network = Network("resnet18")
    torch.manual_seed(0)
    recipe = Recipe("small", input=Input(height=32, width=16), network=network)
    model = SYSTEMS.build("plain", network=network, persons=0)
    save_model(folder / "runs" / "ours", model, Card(recipe, 0, 0, 0))
    train = passerby.read_split(f"market1501={root}").train
    vectors = passerby.load(folder / "runs" / "ours").embed(train).embeddings
    write_calibration(folder / "runs" / "ours" / "calibration.json", calibrate(vectors, "cosine"))


def namespace() -> dict[str, object]:
    """What pages take for granted: an embedder, and the vectors of a data set, in tracklets."""
    embedder = passerby.load("runs/ours")
    split = passerby.read_split("market1501=ROOT")
    query, gallery = (
        replace(vectors, tracklets=np.arange(len(vectors)) // 2)
        for vectors in (embedder.embed(part).embeddings for part in (split.query, split.gallery))
    )
    query.save("queries.npz")
    embeddings = embedder.embed(split.train).embeddings
    return {"embedder": embedder, "query": query, "gallery": gallery, "embeddings": embeddings}


def run_page(page: Path, names: dict[str, object]) -> bool:
    """Run a page's blocks in the current folder; whether all went well."""
    text = page.read_text(encoding="utf-8")
    if 'Gallery.open("lobby")' in text:
        with passerby.Gallery.create("lobby", passerby.load("runs/ours")) as made:
            made.add("crops")
    for block in blocks_of(text):
        if block.info == "python":
            source = "\n" * block.start + "\n".join(block.lines)  # lines as in the page
            try:
                exec(compile(source, str(page), "exec"), names)
            except Exception:
                traceback.print_exc()
                return False
    return True


def main() -> None:
    folder, pages = Path(sys.argv[1]), [Path(page).resolve() for page in sys.argv[2:]]
    torch.set_num_threads(1)
    lay_out(folder)
    os.chdir(folder)
    names = namespace()
    failed = []
    for number, page in enumerate(pages):
        own = folder.parent / f"page{number}"
        shutil.copytree(folder, own)
        os.chdir(own)
        if not run_page(page, dict(names)):
            failed.append(str(page))
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
