"""Options that several commands share, each declared once: single ones, and groups of them.

A group is a frozen dataclass; its fields appear as options of their own (``--camera``), its
methods make of them what the package takes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from tyro.conf import Positional, UseAppendAction, arg

if TYPE_CHECKING:
    from passerby.data.crops import Labels as CropLabels
    from passerby.embedding.embedder import Embedder
    from passerby.gallery.gallery import Gallery
    from passerby.tables.filters import Where
    from passerby.tables.records import Split

_Value = TypeVar("_Value")

Names = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")]
Part = Literal["all", "train", "validation", "query", "gallery", "test"]
Metric = Annotated[Literal["cosine", "euclidean"], arg(help="distance between embeddings.")]

_MODEL = "folder that passerby train or export wrote, an exported file, default, or default-int8."
Model = Annotated[str, arg(metavar="MODEL", help=_MODEL)]
OptionalModel = Annotated[str | None, arg(metavar="MODEL", help=_MODEL)]
_DATA = "folder of the data set; the kind is guessed from its layout unless named."
Data = Annotated[str, arg(metavar="[KIND=]ROOT", help=_DATA)]
OptionalData = Annotated[str | None, arg(metavar="[KIND=]ROOT", help=_DATA)]
SeveralData = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="[KIND=]ROOT")]
RecipeName = Annotated[
    str,
    arg(
        metavar="RECIPE",
        help="name (see passerby list recipes), JSON file, or file.py:function.",
    ),
]
Settings = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        metavar="PATH=VALUE",
        help="change one value of the recipe, as in losses.triplet.margin=0.2.",
    ),
]
Device = Annotated[
    str | None,
    arg(metavar="DEVICE", help="cpu, cuda, cuda:1 (default: a GPU when there is one)."),
]
Runtime = Annotated[
    Literal["auto", "torch", "onnx", "openvino"],
    arg(help="what runs the model; in fp32 the vectors are the same."),
]
Threads = Annotated[
    int | None,
    arg(metavar="N", help="of the network on a CPU (default: the cores that are granted)."),
]
Workers = Annotated[
    int | None,
    arg(
        metavar="N",
        help="processes that load images (default: 0 on a CPU, up to 8 beside a GPU).",
    ),
]
CameraRule = Annotated[
    bool, arg(help="ignore gallery images of the query's person by the query's camera.")
]
JsonFile = Annotated[
    str | None,
    arg(
        name="json",
        metavar="FILE",
        help="write the report to this file as well; - prints it, in place of the text.",
    ),
]
STDOUT = "-"
"""In place of the file of `JsonFile`."""

Json = Annotated[bool, arg(name="json", help="everything, as JSON; stdout has nothing else.")]
Number = Annotated[int, arg(metavar="N")]
Share = Annotated[float, arg(metavar="0...1")]
File = Annotated[str | None, arg(metavar="FILE")]
Folder = Annotated[str, arg(metavar="FOLDER")]
Zone = Annotated[
    str | None,
    arg(metavar="ZONE", help="of times in a table that state none, as in Europe/Berlin."),
]
FileNames = Annotated[
    str,
    arg(
        metavar="auto|none|PATTERN",
        help="read person, camera and frame from file names: auto (where all are like "
        "Market-1501's), none, or a regular expression with groups of these names.",
    ),
]
Inputs = Positional[
    Annotated[tuple[str, ...], arg(metavar="IMAGE|FOLDER|TABLE|[KIND=]ROOT|NPZ...")]
]
Place = Positional[Annotated[str, arg(metavar="GALLERY", help="the gallery.")]]


Imports = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        name="import",
        metavar="FILE",
        help="run this file where the model was trained with it, byte for byte: components of "
        "one's own (repeatable).",
    ),
]


def file_of(json: str | None) -> str | None:
    """The file of a `JsonFile`; None where there is none, or it is stdout."""
    return None if json == STDOUT else json


@dataclass(frozen=True)
class Embedding:
    """How a model embeds."""

    flip: Annotated[bool, arg(help="embed each image as the mean of it and its mirror image.")] = (
        False
    )
    before_neck: Annotated[bool, arg(help="use the vectors before the neck.")] = False
    device: Device = None
    runtime: Runtime = "auto"
    precision: Annotated[
        Literal["fp32", "fp16", "bf16", "int8", "int8-bf16"] | None,
        arg(help="in what it computes (default: as the model says); each has other vectors."),
    ] = None
    threads: Threads = None
    imports: Imports = ()

    def __post_init__(self) -> None:
        _allow_imports(self.imports)

    def load(self, model: str) -> Embedder:
        """Open a model to embed like this."""
        from passerby.embedding.embedder import load

        return load(
            model,
            runtime=self.runtime,
            precision=self.precision,
            flip=self.flip,
            before_neck=self.before_neck,
            device=self.device,
            threads=self.threads,
        )


@dataclass(frozen=True)
class MovedModel:
    """Where the gallery's model is and runs."""

    model: Annotated[
        str | None, arg(metavar="MODEL", help="where the gallery's model is, when it has moved.")
    ] = None
    device: Device = None
    runtime: Runtime = "auto"
    imports: Imports = ()

    def __post_init__(self) -> None:
        _allow_imports(self.imports)

    def open(self, place: str) -> Gallery:
        """Open a gallery whose model is and runs so."""
        from passerby.gallery.gallery import Gallery

        return Gallery.open(place, model=self.model, device=self.device, runtime=self.runtime)


def _allow_imports(imports: tuple[str, ...]) -> None:
    """Let these files be run, wherever the command opens a model that needs them."""
    if imports:
        from passerby.config import allow_imports

        allow_imports(imports)


@dataclass(frozen=True)
class Reviewing:
    """Pairs of a gallery that people judge."""

    review: Annotated[
        bool, arg(help="ask in this terminal whether pairs are of one person, ten at a time.")
    ] = False
    questions: Annotated[
        str | None, arg(metavar="FILE", help="write the pairs to be judged (.csv or .json).")
    ] = None
    answers: Annotated[
        str | None, arg(metavar="FILE", help="read such a file, its column same filled in.")
    ] = None
    pairs: Annotated[
        str | None,
        arg(
            metavar="FILE",
            help="read labelled pairs (columns a, b, same: ids or image paths of sightings) that "
            "were chosen whatever their distance.",
        ),
    ] = None
    count: Annotated[int, arg(metavar="N", help="pairs in a file of questions.")] = 10
    one_camera: Annotated[
        bool, arg(help="ask about pairs by one camera, not by two: they are calibrated apart.")
    ] = False
    page: Annotated[
        str | None, arg(metavar="FILE", help="HTML page for the pictures (removed at the end).")
    ] = None

    def ways(self) -> dict[str, object]:
        """The options of which one can be given."""
        return {
            "--review": self.review,
            "--questions": self.questions,
            "--answers": self.answers,
            "--pairs": self.pairs,
        }

    @property
    def asked(self) -> bool:
        """Whether any was given."""
        return any(self.ways().values())


@dataclass(frozen=True)
class Parts:
    """What is scored: a model on a data set, or embeddings that are made already."""

    data: OptionalData = None
    query: Annotated[
        str | None,
        arg(
            metavar="NPZ|FOLDER",
            help="embeddings of the query (passerby embed, with --parts or without), of any model.",
        ),
    ] = None
    gallery: Annotated[str | None, arg(metavar="NPZ|FOLDER", help="embeddings of the gallery.")] = (
        None
    )


@dataclass(frozen=True)
class Running:
    """How a training runs, whatever it trains."""

    set: Settings = ()
    seed: Annotated[int, arg(metavar="N", help="of initialisation, batches, augmentation.")] = 0
    device: Device = None
    workers: Workers = None
    cache: Annotated[
        str,
        arg(
            metavar="SIZE",
            help="memory for decoded images, as 500MB or 2GB; changes the time only.",
        ),
    ] = "0"


@dataclass(frozen=True)
class Labels:
    """What is said of all images, whatever their input says."""

    person: Annotated[str, arg(metavar="NAME", help="of all images.")] = ""
    camera: Annotated[str, arg(metavar="NAME", help="of all images.")] = ""
    source: Annotated[str, arg(metavar="NAME", help="of all images.")] = ""
    time: Annotated[
        str | None,
        arg(metavar="TIME", help="of all images, with its zone: 2026-05-01T08:30:00+02:00."),
    ] = None
    session: Annotated[
        str,
        arg(
            metavar="NAME",
            help="video or run of a tracker, of all images: tracklet numbers are of it alone.",
        ),
    ] = ""

    def of(self, zone: str | None, names: str, part: Part) -> CropLabels:
        """With how tables, file names and data sets are read. Raises ValueError for no zone."""
        from passerby.data.crops import Labels as CropLabels
        from passerby.data.reading.cells import time_of, zone_named

        named = None if zone is None else zone_named(zone)
        moment = None if self.time is None else time_of(self.time, named)
        return CropLabels(
            person=self.person,
            camera=self.camera,
            source=self.source,
            time=moment,
            zone=named,
            names=names,
            part=part,
            session=self.session,
        )


@dataclass(frozen=True)
class Filter:
    """Which sightings: those that satisfy all conditions given."""

    person: Annotated[Names, arg(help="of one of these persons.")] = ()
    camera: Annotated[Names, arg(help="by one of these cameras.")] = ()
    not_camera: Annotated[Names, arg(help="by none of these cameras.")] = ()
    source: Annotated[Names, arg(help="of one of these sources.")] = ()
    sighting: Annotated[Names, arg(help="one of these ids.")] = ()
    since: Annotated[
        str | None,
        arg(
            metavar="TIME",
            help="seen from this time on, with its zone, as in 2026-05-01T08:30:00+02:00.",
        ),
    ] = None
    until: Annotated[str | None, arg(metavar="TIME", help="seen before this time.")] = None
    known: Annotated[bool, arg(help="of known persons.")] = False
    unknown: Annotated[bool, arg(help="of persons that are not known.")] = False
    min_quality: Annotated[float | None, arg(metavar="0...1", help="of at least this.")] = None

    def where(self) -> Where:
        """The filter. Raises ValueError for conditions that contradict, times without a zone."""
        from passerby.tables.filters import Where

        if self.known and self.unknown:
            raise ValueError(
                "--known and --unknown contradict each other: without either, all are meant"
            )
        both = {*self.camera} & {*self.not_camera}
        if both:
            raise ValueError(f"--camera and --not-camera both name {', '.join(sorted(both))}")
        return Where(
            ids=self.sighting,
            persons=self.person,
            cameras=self.camera,
            not_cameras=self.not_camera,
            sources=self.source,
            since=_moment(self.since),
            until=_moment(self.until),
            known=self.known if self.known or self.unknown else None,
            min_quality=self.min_quality,
        )

    def where_without_person(self) -> Where:
        """The same less its persons, for a command that takes them for something else."""
        return replace(self.where(), persons=())


def joined_data(data: tuple[str, ...]) -> Split:
    """The data sets of a repeated --data, as one."""
    from passerby.data.reading.joining import join_splits
    from passerby.data.reading.reader import read_split

    return join_splits([*map(read_split, data)])


def confirm(question: str, otherwise: str) -> None:
    """Ask on a terminal. Raises ValueError with ``otherwise`` where nobody can be asked."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise ValueError(otherwise)
    if input(f"{question} [y/N] ").strip().lower() != "y":
        raise ValueError("nothing was done")


def _moment(text: str | None) -> datetime | None:
    from passerby.data.reading.cells import time_of

    return None if text is None else time_of(text)
