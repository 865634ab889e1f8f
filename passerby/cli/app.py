"""The ``passerby`` command: one function a command, each calling a public function."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal

import tyro
from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.gallery import gallery
from passerby.cli.results import report, show
from passerby.process.interruption import Stopped
from passerby.process.reporting import Screen, printable, reporting_to, say
from passerby.process.whole_files import write_whole

app = tyro.extras.SubcommandApp()
data = tyro.extras.SubcommandApp()
app.command(data, name="data", help="Check a data set, or make a synthetic one.")
app.command(gallery, name="gallery", help="Keep sightings: add, search, show, forget.")
app.command(show)
app.command(report)

Data = Annotated[str, arg(metavar="[KIND=]ROOT")]
SeveralData = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="[KIND=]ROOT")]
Settings = UseAppendAction[tuple[str, ...]]
Kinds = Literal[
    "recipes",
    "losses",
    "attention",
    "datasets",
    "backbones",
    "classifiers",
    "poolings",
    "augmentations",
    "systems",
    "projections",
    "families",
    "trackers",
]


@app.command
def train(
    recipe: Positional[str],
    /,
    *,
    data: SeveralData,
    out: str,
    set: Settings = (),
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    workers: int | None = None,
    tensorboard: bool = False,
    track: Settings = (),
    save_minutes: float = 10.0,
    deterministic: bool = False,
    evaluate_on: SeveralData = (),
    cache: str = "0",
) -> None:
    """Train a recipe and score the test parts once, at the end.

    Args:
        recipe: name (see passerby list recipes), JSON file, or file.py:function.
        data: folder of the data set; the kind is guessed from its layout unless named. Repeated,
            the sets are trained on together; NAME:[KIND=]ROOT tells two of one kind apart.
        out: folder of the run; it is itself the trained MODEL.
        set: change one value of the recipe, as in losses.triplet.margin=0.2 (repeatable).
        seed: of initialisation, batches and augmentation.
        resume: go on with an interrupted run from where it was saved last.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
        workers: processes that load images (default: 0 on a CPU, up to 8 beside a GPU).
        tensorboard: write curves into OUT/tensorboard as well (extra "passerby[tensorboard]").
        track: let a service follow the run, as "wandb(project=reid)" or mlflow (repeatable; see
            passerby list trackers).
        save_minutes: time between two saved states within an epoch (0: after every step).
        deterministic: on a GPU, allow only operations that repeat exactly; slower.
        evaluate_on: data set to score now and then, to watch and not to choose (repeatable).
        cache: memory for decoded images, as 500MB or 2GB; changes the time only (default: none).
    """
    from passerby.config import open_recipe
    from passerby.data.reading.joining import join_splits
    from passerby.data.reading.reader import read_split
    from passerby.process.distributed import process_group
    from passerby.training.loop import train

    chosen = open_recipe(recipe, set)
    split, watched = join_splits([*map(read_split, data)]), [*map(read_split, evaluate_on)]
    with process_group(device):
        run = train(
            chosen,
            split,
            out,
            seed=seed,
            resume=resume,
            device=device,
            workers=workers,
            tensorboard=tensorboard,
            track=track,
            save_minutes=save_minutes,
            deterministic=deterministic,
            evaluate_on=watched,
            cache=cache,
        )
    say(f"the model is in {run.out}: passerby rank {run.out} --data {data[0]} --out ...")


@app.command
def cross_validate(
    recipe: Positional[str],
    /,
    *,
    data: SeveralData,
    out: str,
    by: Literal["persons", "sources"] = "persons",
    folds: int = 5,
    only: UseAppendAction[tuple[str, ...]] = (),
    set: Settings = (),
    seed: int = 0,
    device: str | None = None,
    workers: int | None = None,
    cache: str = "0",
) -> None:
    """Score a recipe on train persons that it did not see, so as to choose without the test part.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        recipe: name (see passerby list recipes), JSON file, or file.py:function.
        data: as of passerby train (repeatable).
        out: folder for the runs of the folds and the pooled report.json.
        by: persons (folds of them, the test parts untouched) or sources (each left out in turn and
            tested on all its persons, those of its test parts too).
        folds: how many, of persons.
        only: sources whose persons are held out, by name (repeatable; default: all).
        set: change one value of the recipe, as in losses.triplet.margin=0.2 (repeatable).
        seed: of the folds, initialisation, batches and augmentation.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
        workers: processes that load images (default: 0 on a CPU, up to 8 beside a GPU).
        cache: memory for decoded images, as 500MB or 2GB; changes the time only (default: none).
    """
    from passerby.config import open_recipe
    from passerby.data.reading.joining import join_splits
    from passerby.data.reading.reader import read_split
    from passerby.studies.cross_validation import cross_validate

    found = cross_validate(
        open_recipe(recipe, set),
        join_splits([*map(read_split, data)]),
        out,
        by=by,
        count=folds,
        only=only,
        seed=seed,
        device=device,
        workers=workers,
        cache=cache,
    )
    say(str(found))


@app.command
def evaluate(
    model: Positional[Annotated[str | None, arg(metavar="MODEL")]] = None,
    /,
    *,
    data: Data | None = None,
    query: Annotated[str | None, arg(metavar="NPZ")] = None,
    gallery: Annotated[str | None, arg(metavar="NPZ")] = None,
    json: str | None = None,
    flip: bool = False,
    before_neck: bool = False,
    metric: Literal["cosine", "euclidean"] = "cosine",
    distance: Literal["global", "local", "both"] = "global",
    camera_rule: bool = True,
    camera_pairs: bool = False,
    top: int = 50,
    ties: Literal["stable", "mean", "worst"] = "stable",
    average_precision: Literal["mean", "trapezoid"] = "mean",
    rerank: bool = False,
    centre_cameras: bool = False,
    memory: str = "2GB",
    device: str | None = None,
) -> None:
    """Score a model on a data set, or saved embeddings: rank-1/5/10, mAP, mINP.

    passerby evaluate MODEL --data ROOT, or passerby evaluate --query q.npz --gallery g.npz.

    Args:
        model: folder that passerby train wrote, or default.
        data: folder of the data set; the kind is guessed from its layout unless named.
        query: embeddings of the query (Embeddings.save), of any model.
        gallery: embeddings of the gallery.
        json: write the report to this file as well.
        flip: embed each image as the mean of it and its mirror image.
        before_neck: use the vectors before the neck.
        metric: distance between embeddings.
        distance: of embeddings (global), of their aligned stripes (local), or the sum of both.
        camera_rule: ignore gallery images of the query's person by the query's camera.
        camera_pairs: also score each camera against each other.
        top: last rank of the CMC curve in the JSON report.
        ties: rank equal distances in gallery order, as expected over all orders, or matches last.
        average_precision: mean of the precisions at the matches, or Market-1501's trapezoid.
        rerank: by k-reciprocal encoding (k1 20, k2 6, weight 0.3) in place of the metric.
        centre_cameras: take away what the gallery images of a camera have in common, such as its
            light; needs no labels, but images of each camera.
        memory: that re-ranking may use, as 500MB or 2GB; too little is said before it starts.
        device: cpu, cuda, cuda:1 (default: a GPU for the model when there is one).
    """
    from passerby.assessment.score import Scoring, score
    from passerby.evaluation.bootstrap import bootstrap_report

    how = Scoring(
        metric,
        camera_rule,
        camera_pairs,
        top,
        ties,
        average_precision,
        device,
        rerank,
        memory,
        distance,
        centre_cameras,
    )
    report = score(model, data, query, gallery, how, flip=flip, before_neck=before_neck)
    say(report.to_text())
    if ties != "mean":
        say(str(bootstrap_report(report)))
    if json is not None:
        report.to_json(json)


@app.command
def embed(
    inputs: Positional[
        Annotated[tuple[str, ...], arg(metavar="IMAGE|FOLDER|TABLE|[KIND=]ROOT...")]
    ],
    /,
    *,
    model: str = "default",
    out: str,
    part: Literal["all", "train", "validation", "query", "gallery", "test"] = "all",
    names: str = "auto",
    zone: str | None = None,
    flip: bool = False,
    before_neck: bool = False,
    cameras: bool = False,
    device: str | None = None,
) -> None:
    """Embed images into a file, for evaluate, verify and galleries; under torchrun with others.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        inputs: what to embed; of a folder all images below it.
        model: folder that passerby train wrote.
        out: file to write (.npz); images that cannot be read are named in OUT.unreadable.csv.
        part: of a data set or table.
        names: read person, camera and frame from file names: auto (where all are like
            Market-1501's), none, or a regular expression with groups of these names.
        zone: of times in a table that state none, as in Europe/Berlin.
        flip: embed each image as the mean of it and its mirror image.
        before_neck: use the vectors before the neck.
        cameras: let systems that look at cameras see the data set's numbers, as evaluate does; a
            gallery does not take such embeddings.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.data.crops import Labels, read_crops
    from passerby.data.reading.table_rows import zone_named
    from passerby.embedding.embedder import load
    from passerby.embedding.saving import embed_to_file
    from passerby.process.distributed import process_group

    labels = Labels(zone=None if zone is None else zone_named(zone), names=names, part=part)
    crops = read_crops(inputs, labels)
    for note in crops.notes:
        say(f"note: {note}")
    with process_group(device):
        embedder = load(model, flip=flip, before_neck=before_neck, device=device)
        say(embed_to_file(embedder, crops.crops, out, cameras=cameras))


@app.command
def rank(
    model: Positional[str],
    /,
    *,
    data: Data,
    out: str,
    queries: int = 12,
    columns: int = 10,
    colours: Literal["paper", "safe"] = "paper",
    camera_rule: bool = True,
    seed: int = 0,
    device: str | None = None,
) -> None:
    """Draw ranked lists: the query, its nearest gallery images, and the true ones below.

    Args:
        model: folder that passerby train wrote, or default.
        data: folder of the data set; the kind is guessed from its layout unless named.
        out: folder for the pictures.
        queries: how many queries, drawn by seed (0: all).
        columns: gallery images a row.
        colours: paper (right red, wrong blue) or safe (told apart without colour vision).
        camera_rule: ignore gallery images of the query's person by the query's camera.
        seed: of the choice of queries.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.data.reading.reader import read_split
    from passerby.embedding.embedder import load
    from passerby.visual.model_rankings import draw_ranked

    files = draw_ranked(
        load(model, device=device),
        read_split(data),
        out,
        queries=queries,
        columns=columns,
        colours=colours,
        camera_rule=camera_rule,
        seed=seed,
    )
    say(f"{len(files)} pictures in {out}; begin with {files[-1]}")


@app.command
def verify(
    model: Positional[Annotated[str | None, arg(metavar="MODEL")]] = None,
    /,
    *,
    data: Data | None = None,
    query: Annotated[str | None, arg(metavar="NPZ")] = None,
    gallery: Annotated[str | None, arg(metavar="NPZ")] = None,
    json: str | None = None,
    rank: int = 1,
    metric: Literal["cosine", "euclidean"] = "cosine",
    camera_rule: bool = True,
    replicates: int = 200,
    seed: int = 0,
    device: str | None = None,
) -> None:
    """Say how well a threshold decides: TPR at FPR over all pairs, TPIR at FPIR in an open set.

    passerby verify MODEL --data ROOT, or passerby verify --query q.npz --gallery g.npz.

    Args:
        model: folder that passerby train wrote, or default.
        data: folder of the data set; the kind is guessed from its layout unless named.
        query: embeddings of the query (Embeddings.save), of any model.
        gallery: embeddings of the gallery.
        json: write the figures, curve and splits to this file as well.
        rank: within which a mate must be found.
        metric: distance between embeddings.
        camera_rule: ignore gallery images of the query's person by the query's camera.
        replicates: resamples of the persons, for the intervals.
        seed: of the persons taken out of the gallery, and of the resamples.
        device: cpu, cuda, cuda:1 (default: a GPU for the model when there is one).
    """
    from passerby.assessment.verify import measure_decisions, query_and_gallery

    parts = query_and_gallery(model, data, query, gallery, device=device)
    found = measure_decisions(
        *parts, metric, camera_rule, rank=rank, replicates=replicates, seed=seed
    )
    say(str(found))
    if json is not None:
        found.to_json(json)


@app.command
def calibrate(
    model: Positional[str],
    /,
    *,
    data: Data,
    part: Literal["held-out", "train", "validation", "test"] = "held-out",
    false_match_rate: float = 1e-3,
    metric: Literal["cosine", "euclidean"] = "cosine",
    flip: bool = False,
    before_neck: bool = False,
    images: int = 1,
    out: str | None = None,
    seed: int = 0,
    device: str | None = None,
) -> None:
    """Learn what a model's distances are worth as evidence; written beside the model.

    Args:
        model: folder that passerby train wrote, or default.
        data: folder of the data set; the kind is guessed from its layout unless named.
        part: persons that did not train the model (the test part where there are few), or a part.
        false_match_rate: the rate that decisions will be asked at; says when data are too few.
        metric: distance between embeddings.
        flip: embed each image as the mean of it and its mirror image.
        before_neck: use the vectors before the neck.
        images: above 1, for gallery searches with 2 to so many images of a person, pooled.
        out: file to write in place of calibration.json beside the model; needed for default.
        seed: of the division of persons into those that fit and those that judge.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.assessment.calibrate import calibrate_model, file_to_write
    from passerby.data.reading.reader import read_split
    from passerby.embedding.embedder import load
    from passerby.evaluation.decisions.calibration import write_calibration
    from passerby.visual.calibration_charts import draw_calibration

    file = file_to_write(model, out)
    calibration = calibrate_model(
        load(model, flip=flip, before_neck=before_neck, device=device),
        read_split(data),
        part=part,
        metric=metric,
        false_match_rate=false_match_rate,
        images=images,
        seed=seed,
    )
    path = write_calibration(file, calibration)
    named = path if images == 1 else path.with_stem(f"{path.stem}-pooled")
    charts = draw_calibration(calibration, named)
    say(f"{calibration}\nwritten: {path}, with {len(charts)} charts")


@app.command
def compare(
    first: Positional[str],
    second: Positional[str],
    /,
    *,
    model: str = "default",
    prior: float = 0.5,
    false_match_rate: float = 1e-3,
    out: str | None = None,
    calibration: str | None = None,
    one_camera: bool = False,
    metric: Literal["cosine", "euclidean"] = "cosine",
    flip: bool = False,
    before_neck: bool = False,
    device: str | None = None,
) -> None:
    """Say whether two images show one person: distance, likelihood ratio, probability, decision.

    Args:
        first: image file.
        second: image file.
        model: folder that passerby train wrote, or default: the model that comes with Passerby.
        prior: probability that it is one person, before the images were seen.
        false_match_rate: share of pairs of different persons that may be accepted.
        out: write a picture (PNG or JPEG) of the comparison to this file.
        calibration: file of passerby calibrate (default: the one beside the model).
        one_camera: both images are by one camera; by two cameras if not said.
        metric: distance between embeddings.
        flip: embed each image as the mean of it and its mirror image.
        before_neck: use the vectors before the neck.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.assessment.calibrate import calibration_file, find_calibration
    from passerby.assessment.compare import compare_images
    from passerby.embedding.embedder import load
    from passerby.visual.comparison_picture import draw_comparison
    from passerby.visual.drawing import require_picture_name

    if out is not None:
        require_picture_name(out)
    embedder = load(model, flip=flip, before_neck=before_neck, device=device)
    known = find_calibration(calibration or calibration_file(model), embedder, metric)
    comparison = compare_images(
        embedder,
        first,
        second,
        known,
        metric=metric,
        prior=prior,
        false_match_rate=false_match_rate,
        one_camera=one_camera,
    )
    say(str(comparison))
    if out is not None:
        draw_comparison(comparison, out, known)


@app.command
def compare_reports(
    first: Positional[str],
    second: Positional[str],
    /,
    *,
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    json: str | None = None,
) -> None:
    """Say whether two reports on the same queries differ by more than chance.

    Args:
        first: file that passerby evaluate --json wrote.
        second: such a file of the other system.
        replicates: resamples of the persons.
        level: of the intervals.
        seed: of the resamples.
        json: write the comparison to this file as well.
    """
    from passerby.evaluation.bootstrap import compare_reports
    from passerby.evaluation.report import Report

    reports = Report.from_json(first), Report.from_json(second)
    comparison = compare_reports(*reports, replicates=replicates, level=level, seed=seed)
    say(str(comparison))
    if json is not None:
        comparison.to_json(json)


@app.command
def ablate(
    *,
    data: Data,
    out: str,
    rows: str = "all",
    scale: Literal["compact", "paper"] = "compact",
    set: Settings = (),
    seed: int = 0,
    device: str | None = None,
    workers: int | None = None,
) -> None:
    """Train and test the rows of the paper's Table 1 and set ours beside the paper's.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        data: folder of the data set; the kind is guessed from its layout unless named.
        out: folder for the runs and the tables (Markdown, CSV, JSON, bar chart).
        rows: all, or names as in baseline,tri_cir,ours; rows of your own by their recipes, as in
            ours,bot or ours,mine=file.py:function.
        scale: compact (ResNet-18, 128×64, for CPUs) or paper (ResNet-50, 256×128).
        set: change one value of every row's recipe (repeatable).
        seed: of initialisation, batches and augmentation.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
        workers: processes that load images (default: 0 on a CPU, up to 8 beside a GPU).
    """
    from passerby.data.reading.reader import read_split
    from passerby.studies.ablation import ablate, chosen_rows, markdown_table
    from passerby.visual.ablation_charts import draw_ablation

    results = ablate(
        read_split(data),
        out,
        chosen_rows(rows),
        scale=scale,
        settings=set,
        seed=seed,
        device=device,
        workers=workers,
    )
    chart = draw_ablation(results, Path(out))
    say(f"{markdown_table(results)}\ntables and chart: {chart.parent}")


@app.command
def ablation_table(folders: Positional[tuple[str, ...]], /, *, out: str | None = None) -> None:
    """Set several seeds of an ablation in one table, with paired intervals over persons and seeds.

    Args:
        folders: that passerby ablate wrote, one a seed.
        out: folder for the table (Markdown) and the curves of training (SVG).
    """
    from passerby.studies.ablation_seeds import added, orders, read_seeds, seeds_table
    from passerby.visual.ablation_charts import draw_training_curves

    rows = read_seeds(folders)
    text = f"{seeds_table(rows)}\n{orders(rows)}\n{added(rows)}"
    say(text)
    if out is not None:
        path = draw_training_curves(rows, Path(out))
        write_whole(path.with_name("seeds.md"), text)


@app.command
def pull(
    name: Positional[Annotated[str | None, arg(metavar="NAME")]] = None,
    /,
    *,
    sha256: str = "",
    out: str | None = None,
    limit: float = 2.0,
) -> None:
    """Fetch published weights into a cache, checked and resumed; without NAME list what is known.

    Args:
        name: of published weights, a URL (https), or hub:OWNER/REPOSITORY[@REVISION]/FILE.
        sha256: of the file, as its publisher states it.
        out: file to write in place of the cache.
        limit: gigabytes that are taken at most.
    """
    from passerby.weights.pull import published_listing, pull

    if name is None:
        say(published_listing())
        return
    if not 1e-9 <= limit <= 1e5:
        raise ValueError(f"--limit is in gigabytes, up to 100,000, got {limit:g}")
    say(pull(name, sha256, out, limit=int(limit * 1e9)))


@app.command
def convert(
    file: Positional[str],
    /,
    *,
    out: str,
    source: Annotated[str, arg(name="from", metavar="FAMILY")] = "auto",
    architecture: str | None = None,
    set: Settings = (),
) -> None:
    """Turn published weights (.pth, .safetensors, .onnx) into a MODEL; no code in them is run.

    Args:
        file: of torchreid, FastReID, timm, torchvision or the bag-of-tricks baseline.
        out: folder of the model.
        source: whose names the file has (see passerby list families), or auto.
        architecture: as the family calls it; timm needs it.
        set: what weights do not tell, as in input.height=384 (repeatable).
    """
    from passerby.models.convert import convert_weights

    say(str(convert_weights(file, out, source, architecture, set)))


@app.command(name="list")
def list_components(kind: Positional[Kinds], /) -> None:
    """List what can be named in recipes and commands, with options and their defaults.

    Args:
        kind: which components.
    """
    from passerby.registry import listing

    if kind == "systems":
        from passerby.cli.systems_table import systems_listing

        say(systems_listing())
        return
    say(listing(kind))


@app.command
def demo(
    *, data: Data | None = None, out: str = "demo", seed: int = 0, device: str | None = None
) -> None:
    """Train and test the paper's system in five minutes, and write a report page.

    Args:
        data: folder of a data set; without it a synthetic one is made.
        out: folder for everything the demo makes.
        seed: of the synthetic set and of the training.
        device: cpu, cuda, cuda:1 (default: a GPU when there is one).
    """
    from passerby.demo import demo

    demo(data, out, seed=seed, device=device)


@data.command
def check(root: Positional[Data], /, *, decode: bool = False, images_per_person: int = 4) -> None:
    """Say what was expected of a data set and what was found.

    Args:
        root: folder of the data set; the kind is guessed from its layout unless named.
        decode: read every image and name those that cannot be read.
        images_per_person: name train persons with fewer images (the K of P × K batches).
    """
    from passerby.data.check import check_data

    say(check_data(root, decode, images_per_person))


@data.command
def synthesize(
    root: Positional[str],
    /,
    *,
    seed: int = 0,
    train_persons: int = 200,
    test_persons: int = 100,
    cameras: int = 4,
    images: int = 3,
    style: Literal["plain", "varied"] = "plain",
    sites: int = 1,
    workers: int = 2,
) -> None:
    """Draw synthetic persons in Market-1501 layout, the same ones for the same seed.

    Args:
        root: folder to make.
        seed: of persons, cameras and moments.
        train_persons: persons in the train part.
        test_persons: other persons, in query and gallery.
        cameras: that see every person.
        images: of each person by each camera.
        style: plain, or varied: places, light, cameras and boxes as unlike as those of real sets.
        sites: over which the persons are spread, each with so many cameras of its own.
        workers: processes that draw.
    """
    from passerby.synthesis.writing import write

    write(
        root,
        seed=seed,
        train_persons=train_persons,
        test_persons=test_persons,
        cameras=cameras,
        images=images,
        style=style,
        sites=sites,
        workers=workers,
    )
    say(f"drawn: passerby data check {root}")


_DESCRIPTION = "Person re-identification: train, evaluate, search."


def main() -> None:
    """Run a command; a mistake of the user's ends in one clear message, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a pipe on Windows cannot encode Greek letters
            stream.reconfigure(errors="replace")
    try:
        with reporting_to(Screen()):
            app.cli(prog="passerby", description=_DESCRIPTION)
    except (ValueError, OSError) as error:
        print(printable(f"passerby: {error}"), file=sys.stderr)
        sys.exit(2)
    except Stopped as stop:
        print(printable(f"passerby: {stop}"), file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        print(
            "passerby: stopped; train goes on from its last state with --resume, ablate, demo, "
            "embed and gallery when they are called again",
            file=sys.stderr,
        )
        sys.exit(130)


if __name__ == "__main__":
    main()
