"""Commands that fit a model, or a gallery, to where it is used."""

from __future__ import annotations

from tyro.conf import Positional

from passerby.cli.options import Data, Embedding, File, Model, Place
from passerby.process.reporting import say


def adapt(
    model: Positional[Model],
    /,
    *,
    data: Data,
    embedding: Embedding,
    out: File = None,
) -> None:
    """Learn what one person varies in, of labelled or drawn persons; kept beside the model.

    Galleries of the model (passerby gallery adapt) and passerby evaluate --adapt begin with it.

    Args:
        out: file to write in place of within_class.safetensors beside the model.
    """
    from passerby.assessment.adapt import learn_within_class, within_class_file
    from passerby.data.reading.reader import read_split
    from passerby.process.whole_files import require_folder_of

    require_folder_of(out)
    file = within_class_file(model, out)
    found = learn_within_class(embedding.load(model), read_split(data), file)
    say("\n".join([*found.decided, f"written: {file}"]))


def adapt_gallery(place: Place, /, *, undo: bool = False) -> None:
    """Learn from a gallery's own sightings what its cameras do to everybody; no labels needed.

    Takes seconds. Searches and links see it at once; images and stored vectors stay as they are.

    Args:
        undo: forget what was learnt; all is as before.
    """
    from passerby.gallery.gallery import Gallery

    with Gallery.open(place) as gallery:
        if undo:
            done = gallery.undo_adapting()
            say("undone: distances are as before" if done else "nothing had been learnt")
            return
        calibrated = bool(gallery.about.calibrations)
        found = gallery.adapt()
    say("\n".join(found.decided))
    if not found.acts:
        say("nothing was changed")
    elif calibrated:
        say(
            "calibrations of the distances until now are set aside until --undo: passerby gallery "
            "calibrate --review asks for pairs anew"
        )
