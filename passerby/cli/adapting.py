"""Commands that fit a model, or a gallery, to where it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import Embedding, File, Model, OptionalData, Place, Settings, Workers
from passerby.process.reporting import printable, say

if TYPE_CHECKING:
    from passerby.stores import Store


@dataclass(frozen=True)
class Sightings:
    """Unlabelled sightings to fine-tune the model on."""

    gallery: Annotated[
        str | None,
        arg(metavar="GALLERY", help="fine-tune on this gallery's sightings; needs no labels."),
    ] = None
    unlabelled: Annotated[
        UseAppendAction[tuple[str, ...]],
        arg(
            metavar="FOLDER",
            help="the same with crops that are in no gallery: a folder for each camera, or a table "
            "or data set that names cameras (persons are not looked at); repeatable.",
        ),
    ] = ()
    rehearsal: Annotated[
        str | None,
        arg(
            metavar="[KIND=]ROOT",
            help="labelled persons to rehearse and to guard by (default: drawn on the spot).",
        ),
    ] = None

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return self.gallery is not None or bool(self.unlabelled)


@dataclass(frozen=True)
class FineTuning:
    """How a model is fine-tuned."""

    rounds: Annotated[int, arg(metavar="N", help="how often sightings are grouped anew.")] = 3
    images: Annotated[
        int | None,
        arg(
            metavar="N",
            help="seen in training, half of them rehearsed (default: 8 for each picture, 6,000 to "
            "60,000).",
        ),
    ] = None
    tolerance: Annotated[
        float,
        arg(metavar="POINTS", help="of rank-1 and mAP that the guard may lose, else no model."),
    ] = 2.0
    resume: Annotated[bool, arg(help="go on with what was interrupted.")] = False
    set: Settings = ()
    seed: Annotated[int, arg(metavar="N", help="of drawing, batches, augmentation.")] = 0
    workers: Workers = None
    cache: Annotated[
        str, arg(metavar="SIZE", help="memory for decoded images, as 500MB or 2GB.")
    ] = "0"


def adapt(
    model: Positional[Model],
    /,
    *,
    data: OptionalData = None,
    sightings: Sightings,
    fine_tuning: FineTuning,
    embedding: Embedding,
    out: File = None,
) -> None:
    """Fit a model to where it is used: of labelled persons what varies in one, or by fine-tuning
    on unlabelled sightings.

    With --data: what one person varies in, of labelled or drawn persons, is learnt in seconds and
    kept beside the model; galleries (passerby gallery adapt) and passerby evaluate --adapt begin
    with it. With --gallery or --unlabelled: a new model in the folder --out, trained for minutes to
    an hour; refused where it forgets labelled persons.

    Args:
        out: with --data, file to write in place of within_class.safetensors beside the model; else
            folder of the new model.
    """
    if (data is not None) == sightings.given or (sightings.gallery and sightings.unlabelled):
        raise ValueError(
            "expected one of --data DATA (labelled persons), --gallery GALLERY and --unlabelled "
            "FOLDER (sightings without labels)"
        )
    if data is not None:
        _learn_within_class(model, data, embedding, out)
    else:
        _fine_tune(model, sightings, fine_tuning, embedding, out)


def _learn_within_class(model: str, data: str, embedding: Embedding, out: str | None) -> None:
    from passerby.assessment.adapt import learn_within_class, within_class_file
    from passerby.data.reading.reader import read_split
    from passerby.process.whole_files import require_folder_of

    require_folder_of(out)
    file = within_class_file(model, out)
    found = learn_within_class(embedding.load(model), read_split(data), file)
    say("\n".join([*found.decided, f"written: {file}"]))


def _fine_tune(
    model: str, sightings: Sightings, how: FineTuning, embedding: Embedding, out: str | None
) -> None:
    from passerby.fine_tuning.fine_tune import Effort, GuardWorsened, fine_tune

    if out is None:
        raise ValueError("name a folder for the new model: --out FOLDER")
    if embedding != replace(Embedding(), device=embedding.device, imports=embedding.imports):
        raise ValueError(
            "--flip, --before-neck, --runtime, --precision and --threads are of --data: a model is "
            "fine-tuned as PyTorch computes it"
        )
    effort = Effort(how.rounds, how.images, how.tolerance)
    with _store_of(sightings, model, embedding.device) as store:
        try:
            found = fine_tune(
                model,
                store,
                out,
                rehearsal=sightings.rehearsal,
                effort=effort,
                settings=how.set,
                seed=how.seed,
                resume=how.resume,
                device=embedding.device,
                workers=how.workers,
                cache=how.cache,
            )
        except GuardWorsened as error:
            print(printable(f"passerby: {error}"), file=sys.stderr)
            sys.exit(1)
    say(found)
    if sightings.gallery is None:
        say(f"next: passerby gallery create GALLERY --model {out}")
    else:
        say(f"next: passerby gallery reembed {sightings.gallery} --model {out} --out NEW")


@contextmanager
def _store_of(sightings: Sightings, model: str, device: str | None) -> Iterator[Store]:
    """The sightings to fine-tune on."""
    from passerby.fine_tuning.pseudo_persons import gallery_of_crops
    from passerby.gallery.gallery import Gallery

    if sightings.gallery is None:
        yield gallery_of_crops(model, sightings.unlabelled, device)
        return
    with Gallery.open(sightings.gallery) as gallery:
        yield gallery.store


def adapt_gallery(place: Place, /, *, undo: bool = False, hubness: bool = True) -> None:
    """Learn from a gallery's own sightings what its cameras do to everybody; no labels needed.

    Takes seconds. Searches and links see it at once; images and stored vectors stay as they are.

    Args:
        undo: forget what was learnt; all is as before.
        hubness: put sightings that are near to everybody further back in what a search finds.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        if undo:
            done = gallery.undo_adapting()
            say("undone: distances are as before" if done else "nothing had been learnt")
            return
        calibrated = bool(gallery.about.calibrations)
        found = gallery.adapt(hubness=hubness)
    say("\n".join(found.decided))
    if not found.acts:
        say("nothing was changed")
    elif calibrated:
        say(
            "calibrations of the distances until now are set aside until --undo: passerby gallery "
            "calibrate --review asks for pairs anew"
        )
