"""Commands that train: a recipe, its folds, the demo."""

from __future__ import annotations

from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import (
    Device,
    File,
    Folder,
    Json,
    Names,
    Number,
    OptionalData,
    RecipeName,
    Running,
    SeveralData,
    joined_data,
)
from passerby.process.reporting import answer, say


def train(
    recipe: Positional[RecipeName],
    /,
    *,
    data: SeveralData,
    out: Folder,
    running: Running,
    resume: bool = False,
    tensorboard: bool = False,
    track: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="TRACKER")] = (),
    save_minutes: Annotated[float, arg(metavar="MINUTES")] = 10.0,
    deterministic: bool = False,
    evaluate_on: SeveralData = (),
    keypoints: File = None,
) -> None:
    """Train a recipe and score the test parts once, at the end.

    Args:
        data: folder of the data set; the kind is guessed from its layout unless named. Repeated,
            the sets are trained on together; NAME:[KIND=]ROOT tells two of one kind apart.
        out: folder of the run; it is itself the trained MODEL.
        resume: go on with an interrupted run from where it was saved last.
        tensorboard: write curves into OUT/tensorboard as well (extra "passerby[tensorboard]").
        track: let a service follow the run, as "wandb(project=reid)" or mlflow (see
            passerby list trackers).
        save_minutes: time between two saved states within an epoch (0: after every step).
        deterministic: on a GPU, allow only operations that repeat exactly; slower.
        evaluate_on: data set to score now and then, to watch and not to choose.
        keypoints: COCO keypoints JSON of training images (names relative to its folder), for
            recipes that learn from joints; drawn sets and tables with that column have their own.
    """
    from passerby.config import open_recipe
    from passerby.data.keypoints import with_keypoints
    from passerby.data.reading.reader import read_split
    from passerby.process.distributed import process_group
    from passerby.training.loop import train

    chosen = open_recipe(recipe, running.set)
    split, watched = joined_data(data), [*map(read_split, evaluate_on)]
    if keypoints is not None:
        split = with_keypoints(split, keypoints)
    with process_group(running.device):
        run = train(
            chosen,
            split,
            out,
            seed=running.seed,
            resume=resume,
            device=running.device,
            workers=running.workers,
            tensorboard=tensorboard,
            track=track,
            save_minutes=save_minutes,
            deterministic=deterministic,
            evaluate_on=watched,
            cache=running.cache,
        )
    say(f"the model is in {run.out}: passerby rank {run.out} --data {data[0]} --out ...")


def distil(
    teachers: Positional[Annotated[tuple[str, ...], arg(metavar="TEACHER...")]],
    /,
    *,
    student: RecipeName,
    data: SeveralData,
    out: Folder,
    running: Running,
    resume: bool = False,
    save_minutes: Annotated[float, arg(metavar="MINUTES")] = 10.0,
) -> None:
    """Train a small network to make the vectors of larger ones; needs no labels.

    Args:
        teachers: MODELs to imitate; several are imitated together.
        student: recipe of the network that learns, by name, JSON file or file.py:function.
        data: as of passerby train; unlabelled=FOLDER takes all images in it and below, of whoever.
            Repeated, the sets are learnt from together.
        out: folder of the run; it is itself the trained MODEL.
        resume: go on with an interrupted run from where it was saved last.
        save_minutes: time between two saved states within an epoch (0: after every step).
    """
    from passerby.config import open_recipe
    from passerby.data.reading.joining import join_splits
    from passerby.data.reading.reader import read_split
    from passerby.process.distributed import process_group
    from passerby.training.distillation import distil

    recipe = open_recipe(student)
    split = join_splits([*map(read_split, data)], labelled=False)
    with process_group(running.device):
        run = distil(
            teachers,
            recipe,
            split,
            out,
            settings=running.set,
            seed=running.seed,
            resume=resume,
            device=running.device,
            workers=running.workers,
            save_minutes=save_minutes,
            cache=running.cache,
        )
    say(f"the model is in {run.out}: passerby evaluate {run.out} --data ROOT")


def search_architecture(
    recipe: Positional[RecipeName],
    /,
    *,
    data: SeveralData,
    out: Folder,
    running: Running,
    epochs: Number = 50,
    width: Number = 16,
    nodes: Number = 4,
    rate: Annotated[float, arg(metavar="RATE")] = 3e-3,
    resume: bool = False,
    save_minutes: Annotated[float, arg(metavar="MINUTES")] = 10.0,
) -> None:
    """Find the cells of a network by gradients, as Auto-ReID does, and write a recipe of them.

    Args:
        data: as of passerby train. Half of the train persons train weights, cells are chosen by
            the others; test parts are not looked at.
        out: folder of the search; OUT/recipe.json is what passerby train takes then.
        epochs: of the first half of the persons; in the first fifth nothing is chosen.
        width: of the network that is searched in; the found one has the recipe's.
        nodes: of a cell.
        rate: learning rate of what is learnt of each operation.
        resume: go on with an interrupted search from where it was saved last.
        save_minutes: time between two saved states within an epoch (0: after every step).
    """
    from passerby.architecture_search.search import FOUND, Search, search_architecture
    from passerby.config import open_recipe

    search_architecture(
        open_recipe(recipe, running.set),
        joined_data(data),
        out,
        Search(epochs=epochs, nodes=nodes, width=width, rate=rate),
        seed=running.seed,
        resume=resume,
        device=running.device,
        workers=running.workers or 0,
        save_minutes=save_minutes,
        cache=running.cache,
    )
    say(f"train what was found: passerby train {out}/{FOUND} --data {data[0]} --out ...")


def cross_validate(
    recipe: Positional[RecipeName],
    /,
    *,
    data: SeveralData,
    out: Folder,
    running: Running,
    by: Literal["persons", "sources"] = "persons",
    folds: Number = 5,
    only: Names = (),
    json: Json = False,
) -> None:
    """Score a recipe on train persons that it did not see, so as to choose without the test part.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        data: as of passerby train.
        out: folder for the runs of the folds and the pooled report.json.
        by: persons (folds of them, the test parts untouched) or sources (each left out in turn and
            tested on all its persons, those of its test parts too).
        folds: how many, of persons.
        only: sources whose persons are held out, by name (default: all).
    """
    from passerby.config import open_recipe
    from passerby.studies.cross_validation import cross_validate

    found = cross_validate(
        open_recipe(recipe, running.set),
        joined_data(data),
        out,
        by=by,
        count=folds,
        only=only,
        seed=running.seed,
        device=running.device,
        workers=running.workers,
        cache=running.cache,
    )
    answer(found.to_json() if json else found)


def demo(
    *,
    data: OptionalData = None,
    out: Folder = "demo",
    seed: Number = 0,
    device: Device = None,
) -> None:
    """Train and test the paper's system in five minutes, and write a report page.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        data: folder of a data set; without it a synthetic one is made.
        out: folder for everything the demo makes.
        seed: of the synthetic set and of the training.
    """
    from passerby.demo import demo

    demo(data, out, seed=seed, device=device)
