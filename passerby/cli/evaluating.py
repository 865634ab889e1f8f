"""Commands that measure a model: embeddings, scores, ranked lists, decisions, evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from tyro.conf import Positional, arg

from passerby.cli.options import (
    STDOUT,
    CameraRule,
    Data,
    Device,
    Embedding,
    File,
    FileNames,
    Folder,
    Json,
    JsonFile,
    Metric,
    Model,
    Number,
    OptionalModel,
    Part,
    Parts,
    Share,
    Zone,
    file_of,
)
from passerby.process.plain_json import as_json
from passerby.process.reporting import answer, say
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

Image = Annotated[str, arg(metavar="IMAGE", help="image file.")]


def evaluate(
    model: Positional[OptionalModel] = None,
    /,
    *,
    scored: Parts,
    embedding: Embedding,
    json: JsonFile = None,
    metric: Metric = "cosine",
    distance: Literal["global", "local", "both"] = "global",
    camera_rule: CameraRule = True,
    camera_pairs: bool = False,
    top: Number = 50,
    ties: Literal["stable", "mean", "worst"] = "stable",
    average_precision: Literal["mean", "trapezoid"] = "mean",
    rerank: bool = False,
    centre_cameras: bool = False,
    adapt: bool = False,
    hubness: bool = False,
    memory: Annotated[str, arg(metavar="SIZE")] = "2GB",
) -> None:
    """Score a model on a data set, or saved embeddings: rank-1/5/10, mAP, mINP.

    passerby evaluate MODEL --data ROOT, or passerby evaluate --query q.npz --gallery g.npz.

    Args:
        distance: of embeddings (global), of their aligned stripes (local), or the sum of both.
        camera_pairs: also score each camera against each other.
        top: last rank of the CMC curve in the JSON report.
        ties: rank equal distances in gallery order, as expected over all orders, or matches last.
        average_precision: mean of the precisions at the matches, or Market-1501's trapezoid.
        rerank: by k-reciprocal encoding (k1 20, k2 6, weight 0.3) in place of the metric; costs
            rank-1 where persons have one or two images in the gallery.
        centre_cameras: take away what the images of a camera have in common, such as its light, in
            gallery and queries; needs no labels, but images of each camera.
        adapt: that, and what one person varies in, learnt from all images without labels.
        hubness: let images that are near to everybody stand back.
        memory: that re-ranking may use, as 500MB or 2GB; too little is said before it starts.
    """
    from passerby.assessment.score import Scoring, score
    from passerby.evaluation.bootstrap import bootstrap_report

    require_folder_of(file_of(json))
    scoring = Scoring(
        metric=metric,
        camera_rule=camera_rule,
        camera_pairs=camera_pairs,
        top=top,
        ties=ties,
        average_precision=average_precision,
        device=embedding.device,
        rerank=rerank,
        memory=memory,
        distance=distance,
        centre=centre_cameras,
        adapt=adapt,
        hubness=hubness,
    )
    report = score(
        model,
        scored.data,
        scored.query,
        scored.gallery,
        scoring,
        flip=embedding.flip,
        before_neck=embedding.before_neck,
        opened_by=embedding.load,
    )
    if json == STDOUT:
        answer(report.to_json())
        return
    say(report.to_text())
    if ties != "mean":
        say(bootstrap_report(report))
    if json is not None:
        report.to_json(json)


def embed(
    inputs: Positional[
        Annotated[tuple[str, ...], arg(metavar="IMAGE|FOLDER|TABLE|[KIND=]ROOT...")]
    ],
    /,
    *,
    model: Model = "default",
    embedding: Embedding,
    out: Annotated[str, arg(metavar="NPZ|FOLDER")],
    part: Part = "all",
    names: FileNames = "auto",
    zone: Zone = None,
    cameras: bool = False,
    parts: bool = False,
) -> None:
    """Embed images into a file, for evaluate, verify and galleries; under torchrun with others.

    Interrupted, it goes on from where it stopped when called again.

    Args:
        inputs: what to embed; of a folder all images below it.
        out: file to write (.npz), or with --parts a folder; images that cannot be read are named in
            OUT.unreadable.csv.
        part: of a data set or table.
        cameras: let systems that look at cameras see the data set's numbers, as evaluate does; a
            gallery does not take such embeddings.
        parts: write a folder of Parquet files, for many machines and more vectors than memory.
    """
    from passerby.data.crops import Labels, read_crops
    from passerby.data.reading.cells import zone_named
    from passerby.embedding.batches.parts import embed_to_parts
    from passerby.embedding.saving import embed_to_file
    from passerby.process.distributed import process_group

    if parts and (cameras or out.endswith(".npz")):
        raise ValueError("--parts writes a folder, without --cameras: leave one of them out")
    labels = Labels(zone=None if zone is None else zone_named(zone), names=names, part=part)
    crops = read_crops(inputs, labels)
    for note in crops.notes:
        say(f"note: {note}")
    with process_group(embedding.device):
        embedder = embedding.load(model)
        if parts:
            say(embed_to_parts(embedder, crops.crops, out))
        else:
            say(embed_to_file(embedder, crops.crops, out, cameras=cameras))


def rank(
    model: Positional[Model],
    /,
    *,
    data: Data,
    out: Folder,
    embedding: Embedding,
    queries: Number = 12,
    columns: Number = 10,
    colours: Literal["paper", "safe"] = "paper",
    camera_rule: CameraRule = True,
    seed: Number = 0,
) -> None:
    """Draw ranked lists: the query, its nearest gallery images, and the true ones below.

    Args:
        out: folder for the pictures.
        queries: how many queries, drawn by seed (0: all).
        columns: gallery images a row.
        colours: paper (right red, wrong blue) or safe (told apart without colour vision).
        seed: of the choice of queries.
    """
    from passerby.data.reading.reader import read_split
    from passerby.visual.model_rankings import draw_ranked

    files = draw_ranked(
        embedding.load(model),
        read_split(data),
        out,
        queries=queries,
        columns=columns,
        colours=colours,
        camera_rule=camera_rule,
        seed=seed,
    )
    say(f"{count_of(len(files), 'picture')} in {out}; begin with {files[-1]}")


def verify(
    model: Positional[OptionalModel] = None,
    /,
    *,
    scored: Parts,
    json: JsonFile = None,
    chart: File = None,
    rank: Number = 1,
    metric: Metric = "cosine",
    camera_rule: CameraRule = True,
    replicates: Number = 200,
    seed: Number = 0,
    device: Device = None,
) -> None:
    """Say how well a threshold decides: TPR at FPR over all pairs, TPIR at FPIR in an open set.

    passerby verify MODEL --data ROOT, or passerby verify --query q.npz --gallery g.npz.

    Args:
        chart: draw the ROC curve into this file (.svg).
        rank: within which a mate must be found.
        replicates: resamples of the persons, for the intervals.
        seed: of the persons taken out of the gallery, and of the resamples.
    """
    from passerby.assessment.verify import measure_decisions, query_and_gallery

    require_folder_of(file_of(json))
    require_folder_of(chart)
    both = query_and_gallery(model, scored.data, scored.query, scored.gallery, device=device)
    found = measure_decisions(
        *both, metric, camera_rule, rank=rank, replicates=replicates, seed=seed
    )
    if json == STDOUT:
        answer(found.to_json())
    else:
        say(found)
    if file_of(json) is not None:
        found.to_json(json)
    if chart is not None:
        from passerby.visual.svg.verification_charts import write_roc_chart

        write_roc_chart({found.verification.metric: found.verification}, chart)


def calibrate(
    model: Positional[Model],
    /,
    *,
    data: Data,
    embedding: Embedding,
    part: Literal["held-out", "train", "validation", "test"] = "held-out",
    false_match_rate: Share = 1e-3,
    metric: Metric = "cosine",
    images: Number = 1,
    out: File = None,
    seed: Number = 0,
    json: Json = False,
) -> None:
    """Learn what a model's distances are worth as evidence; written beside the model.

    Args:
        part: persons that did not train the model (the test part where there are few), or a part.
        false_match_rate: the rate that decisions will be asked at; says when data are too few.
        images: above 1, for gallery searches with 2 to so many images of a person, pooled.
        out: file to write in place of calibration.json beside the model; needed for default.
        seed: of the division of persons into those that fit and those that judge.
    """
    from passerby.assessment.calibrate import calibrate_model, file_to_write
    from passerby.data.reading.reader import read_split
    from passerby.evaluation.decisions.calibration_files import write_calibration
    from passerby.visual.svg.calibration_charts import draw_calibration

    file = file_to_write(model, out)
    require_folder_of(out)
    calibration = calibrate_model(
        embedding.load(model),
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
    answer(as_json(calibration) if json else calibration)
    say(f"written: {path}, with {len(charts)} charts")


def compare(
    first: Positional[Image],
    second: Positional[Image],
    /,
    *,
    model: Model = "default",
    embedding: Embedding,
    prior: Share = 0.5,
    false_match_rate: Share = 1e-3,
    out: File = None,
    calibration: File = None,
    one_camera: bool = False,
    metric: Metric = "cosine",
    json: Json = False,
) -> None:
    """Say whether two images show one person: distance, likelihood ratio, probability, decision.

    Args:
        prior: probability that it is one person, before the images were seen.
        false_match_rate: share of pairs of different persons that may be accepted.
        out: write a picture (PNG or JPEG) of the comparison to this file.
        calibration: file of passerby calibrate (default: the one beside the model).
        one_camera: both images are by one camera; by two cameras if not said.
    """
    from passerby.assessment.calibrate import calibration_file, find_calibration
    from passerby.assessment.compare import compare_images
    from passerby.visual.comparison_picture import draw_comparison
    from passerby.visual.drawing import require_picture_name

    require_folder_of(out)
    if out is not None:
        require_picture_name(out)
    embedder = embedding.load(model)
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
    answer(as_json(comparison, conclusions=comparison.conclusions()) if json else comparison)
    if out is not None:
        draw_comparison(comparison, out, known)
