"""Commands that fit a model, or a gallery, to where it is used."""

from __future__ import annotations

from tyro.conf import Positional

from passerby.cli.options import Data, Embedding, File, Model
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
