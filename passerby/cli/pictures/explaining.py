"""``passerby explain``: where a model looks, what made its matches, and where its vectors lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import Device, Model, Number
from passerby.process.reporting import say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

if TYPE_CHECKING:
    from passerby.tables.records import Split


def explain(
    model: Positional[Model],
    /,
    *,
    data: Annotated[tuple[str, ...], arg(metavar="[KIND=]ROOT|IMAGE|FOLDER...")],
    out: Annotated[str, arg(metavar="FOLDER|FILE")],
    against: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="MODEL")] = (),
    queries: Number = 6,
    matches: Number = 3,
    layout: Literal["pca", "tsne"] = "pca",
    seed: Number = 0,
    device: Device = None,
) -> None:
    """Draw where a model looks: Grad-CAM, attention, the regions that made a match.

    Of a data set also the map of its embeddings, scores of same and different pairs, CMC and ROC
    curves. The model is a checkpoint, as exported ones give vectors alone.

    Args:
        data: a data set with queries and a gallery; or images, the first held against the others.
        out: folder for a page, pictures and charts; or a page (.html) or picture (.png) alone.
        against: another model, for the curves (repeatable); an exported one will do.
        queries: of a data set, drawn by seed.
        matches: of each query, nearest first.
        layout: of the map of embeddings; tsne needs scikit-learn.
        seed: of the choice of queries.
    """
    from passerby.data.crops import read_crops
    from passerby.embedding.embedder import load
    from passerby.explanation.subject import open_subject
    from passerby.visual.explain.explaining import (
        Choice,
        explain_data,
        explain_images,
        require_explained_name,
        write_explained,
    )

    if require_explained_name(Path(out)):
        require_folder_of(out)
    choice = Choice(queries, matches, layout, seed)
    subject = open_subject(model, device)
    title = f"What {model} looks at"
    split = _data_set(data)
    if split is not None:
        models = {
            name: load(each, device=device) for each, name in _names((model, *against)).items()
        }
        explained = explain_data(subject, models, split, title, choice)
    elif against:
        raise ValueError(
            "--against compares scores: give a data set with queries and a gallery as --data"
        )
    else:
        found = read_crops(data)
        images = [crop.image for crop in found.crops]
        explained = explain_images(subject, images, title)
    for note in explained.notes:
        say(f"note: {note}")
    files = write_explained(explained, out)
    more = f", and {count_of(len(files) - 1, 'file')} beside it" if len(files) > 1 else ""
    say(f"written: {files[0]}{more}")


def _data_set(data: tuple[str, ...]) -> Split | None:
    """The data set that is meant, with queries and a gallery; None where images are."""
    from passerby.data.reading.reader import read_split

    if len(data) != 1 or Path(data[0]).is_file():
        return None
    try:
        split = read_split(data[0])
    except ValueError:
        if not Path(data[0]).is_dir():  # a kind was named, or there is nothing
            raise
        return None  # a folder of images
    return split if split.query and split.gallery else None


def _names(models: tuple[str, ...]) -> dict[str, str]:
    """A short name for each model: of its folder or file, where no two are alike."""
    short = {model: Path(model).name for model in models}
    return short if len(set(short.values())) == len(short) else {one: one for one in models}
