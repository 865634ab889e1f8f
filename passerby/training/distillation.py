"""distil(): a small network imitates the vectors of one or several teachers; needs no labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from passerby.calls import Call
from passerby.config import LossTerm, Recipe, Sampling, with_settings
from passerby.embedding.embedder import Embedder, load
from passerby.tables.records import JUNK, Split
from passerby.training.loop import Run, train
from passerby.training.record.state_saving import MINUTES

_PREFIX = "distil_"  # of the losses that imitate


def distil(
    teachers: Sequence[str | os.PathLike[str]],
    student: Recipe,
    split: Split,
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    workers: int | None = None,
    save_minutes: float = MINUTES,
    cache: int | str = 0,
) -> Run:
    """Train a student to make the teachers' vectors, and score the test parts once, at the end.

    Each teacher embeds every image once (the mean of it and its mirror image); the student sees the
    images augmented, and learns to make the same of them. All else is as in `train`.

    Args:
        teachers: MODELs, of any width and input size.
        student: of which network, input, augmentations, sampling, optimizer, schedule and epochs
            are taken, see `student_recipe`.
        split: the data; images of nobody known are of use, too (``unlabelled=FOLDER``).
        out: folder of the run, as of `train`; until the run ends it also holds the vectors.
        settings: of the student's recipe, ``path=value`` each.
        seed: of initialisation, batches and augmentation.
        resume: go on from the last checkpoint in ``out``.
        device: where teachers and student run.
        workers: processes that load images.
        save_minutes: time between two checkpoints within an epoch.
        cache: memory for decoded images, as "2GB".

    Returns:
        The run, as `train` does; the model's card names the teachers by their fingerprints.

    Raises:
        ValueError: No teacher, and as `train`.

    Examples:
        ``distil(["default"], open_recipe("osnet(width=0.25)"), read_split("unlabelled=crops"),
        "runs/small")``
    """
    if not teachers:
        raise ValueError("distillation needs a teacher: name a MODEL, such as default")
    opened = [load(teacher, flip=True, device=device) for teacher in teachers]
    recipe = with_settings(student_recipe(student, opened, split), settings)
    return train(
        recipe,
        split,
        out,
        seed=seed,
        resume=resume,
        device=device,
        workers=workers,
        save_minutes=save_minutes,
        cache=cache,
        teachers=opened,
    )


def student_recipe(recipe: Recipe, teachers: Sequence[Embedder], split: Split) -> Recipe:
    """A recipe as a student follows it.

    Its losses give way to those that imitate the teachers, unless it has such. Its phases, which
    are of a method with labels, are left out: all trains, in one. Where nobody is known in some
    images, batches hold as many images as before, each drawn alone, and no persons are held out
    if none are known.
    """
    width = sum(teacher.dimensions for teacher in teachers)
    losses = (LossTerm(f"distil_vectors(width={width})"), LossTerm("distil_distances"))
    own = tuple(t for t in recipe.losses if Call.parse(t.loss).name.startswith(_PREFIX))
    taught = ", ".join(f"{teacher.name} ({teacher.fingerprint})" for teacher in teachers)
    parts = split.joined or (split,)
    known = [any(record.person != JUNK for record in part.train) for part in parts]
    sampling = recipe.sampling
    if not all(known):
        images = sampling.persons * sampling.images
        sampling = Sampling(persons=images, images=1, sources=sampling.sources)
    return replace(
        recipe,
        name=f"{recipe.name}, distilled",
        sampling=sampling,
        losses=own or losses,
        phases=(),
        validation_persons=recipe.validation_persons if any(known) else 0,
        origins=(
            f"teachers: {taught}",
            f"network, input, augmentations, optimizer, schedule: the recipe {recipe.name}",
            "losses: Romero et al. 2015, Park et al. 2019; teachers see each image once: ours",
        ),
    )
