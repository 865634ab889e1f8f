"""``passerby watch``: video in, passages in a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from passerby.cli.options import File, Json, MovedModel, Names, Zone
from passerby.process.reporting import answer
from passerby.process.spelling import count_of
from passerby.process.whole_files import require_folder_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, tzinfo

    from passerby.tables.sightings import Sightings
    from passerby.video.sources.frames import Source
    from passerby.video.sources.paces import Pace
    from passerby.video.watching import Camera

Sources = Positional[Annotated[tuple[str, ...], arg(metavar="FILE|FOLDER|TABLE|URL...")]]


def watch(
    sources: Sources,
    /,
    *,
    gallery: Annotated[str | None, arg(metavar="GALLERY")] = None,
    gallery_model: MovedModel,
    camera: Names = (),
    start: Annotated[str | None, arg(metavar="TIME")] = None,
    zone: Zone = None,
    fps: Annotated[float | None, arg(metavar="N")] = None,
    stride: Annotated[str, arg(metavar="auto|N")] = "auto",
    budget: Annotated[float | None, arg(metavar="FPS")] = None,
    detector: Annotated[str, arg(metavar="NAME|FILE")] = "yolox_nano",
    gate: bool = True,
    tracker: Literal["bytetrack", "ocsort", "cbiou", "sort"] = "bytetrack",
    mend: Annotated[float, arg(metavar="SECONDS")] = 0.0,
    keep_thumbnails: bool = True,
    annotate: File = None,
    sheet: File = None,
    mot: File = None,
    mqtt: Annotated[str | None, arg(metavar="mqtt://HOST/TOPIC")] = None,
    vectors: bool = False,
    json: Json = False,
) -> None:
    """Detect and track the persons of videos and streams, and enrol each passage when it ends.

    Stopped or killed, the same command brings the rest of a file; nothing is enrolled twice.

    Args:
        sources: video files, folders or tables of them, addresses of streams (rtsp://, http://).
        gallery: where passages are kept (passerby gallery create); without one they are only told.
        camera: its name; for several sources one each, in their order.
        start: when the first frame was taken, with its zone: 2026-05-01T08:30:00+02:00.
        fps: frames a second of raw streams (.264), which have no times: they are counted.
        stride: look at every Nth frame; auto: at ten a second of the video's time, of streams at
            fewer where there is no time for more.
        budget: frames a second over all sources, for --stride auto.
        detector: yolox_nano (passerby pull yolox_nano), motion, torchvision:NAME, or a file.
        gate: do not look again for persons where nothing moved.
        tracker: of the library trackers.
        mend: join pieces of a stay by appearance that are at most so many seconds apart.
        keep_thumbnails: store a small JPEG of each crop.
        annotate: write an MP4 with boxes and track numbers; of files also the persons whom the
            gallery knows.
        sheet: write a picture with a row for each passage (.png or .jpg).
        mot: write tracks as the MOTChallenge has them.
        mqtt: tell a broker of each passage and who it is: TOPIC/CAMERA/passage and .../identity.
        vectors: send them to the broker as well; whoever may read the topic has biometric data.
    """
    from passerby.video.sources.opening import open_source
    from passerby.video.sources.paces import pace_of
    from passerby.video.watching import Outputs
    from passerby.video.watching import watch as watch_cameras

    if not sources:
        raise ValueError("expected at least one source: a video file, a folder or an address")
    require_folder_of(annotate, sheet, mot)
    moment, named = _start(start, zone)
    opened = [open_source(text, start=moment, zone=named, fps=fps) for text in sources]
    names = _camera_names(camera, opened)
    paces = [pace_of(stride, budget, len(opened)) for _ in opened]
    outputs = Outputs(*(None if one is None else Path(one) for one in (annotate, mot, sheet)))

    def cameras() -> list[Camera]:
        return [
            _camera(name, source, pace, detector=detector, gate=gate, tracker=tracker)
            for name, source, pace in zip(names, opened, paces, strict=True)
        ]

    if gallery is None:
        if mend or mqtt:
            raise ValueError(
                "--mend and --mqtt compare by the gallery's model: name one with --gallery"
            )
        watched = watch_cameras(cameras(), None, outputs)
    else:
        from passerby.gallery.alerts.running import alerts_of, name_of
        from passerby.mqtt.passages_out import passages_to
        from passerby.video.enrolling import Enroller, ratio_of
        from passerby.video.mending import Mender

        if mend < 0:
            raise ValueError(f"--mend is in seconds, 0 or more, got {mend:g}")
        with gallery_model.open(gallery) as kept:
            made = cameras()
            for one in made if mend else ():
                one.mender = Mender(ratio_of(kept.store), mend)
            with (
                alerts_of(kept.store, gallery) as alerts,
                passages_to(mqtt, kept, name_of(gallery), names, vectors=vectors) as told,
            ):
                ended = _each(alerts, told)
                enroller = Enroller(kept.store, kept.embedder, keep_thumbnails, ended)
                watched = watch_cameras(made, enroller, outputs)
            kept.store.update_index()
    answer(watched.to_json() if json else watched)


def _each(*told: Callable[[Sightings], object] | None) -> Callable[[Sightings], None]:
    """What tells each of them that is there."""

    def tell(passage: Sightings) -> None:
        for one in told:
            if one is not None:
                one(passage)

    return tell


def _start(start: str | None, zone: str | None) -> tuple[datetime | None, tzinfo | None]:
    from passerby.data.reading.cells import time_of, zone_named

    named = None if zone is None else zone_named(zone)
    return (None if start is None else time_of(start, named)), named


def _camera_names(given: tuple[str, ...], sources: list[Source]) -> list[str]:
    """One a source. Raises ValueError for another number: two places are not one camera."""
    if not given:
        return [source.name for source in sources]
    if len(given) != len(sources):
        raise ValueError(
            f"{count_of(len(sources), 'source needs', 'sources need')} as many --camera NAME, in "
            f"their order; got {len(given)}"
        )
    return list(given)


def _camera(
    name: str, source: Source, pace: Pace, *, detector: str, gate: bool, tracker: str
) -> Camera:
    from passerby.embedding.runtimes import thread_count
    from passerby.video.detectors.gate import Gated
    from passerby.video.detectors.opening import open_detector
    from passerby.video.tracking import Tracker
    from passerby.video.watching import Camera

    found = open_detector(detector, thread_count(None))
    if gate and detector != "motion":
        found = Gated(found)
    return Camera(name, source, pace, found, Tracker(tracker, found.sure))
