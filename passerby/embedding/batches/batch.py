"""One batch on any engine: a table of images in, a table of embeddings out, row for row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from passerby.data.crops import content_id
from passerby.data.images import UnreadableImage, decode_contents
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.loading import LoadedImage, load_image, prefetched
from passerby.embedding.preprocessing import resized
from passerby.embedding.runtimes.exported import Precision
from passerby.models.packaged import DEFAULT
from passerby.tables.parts.schema import (
    FINGERPRINT,
    UNREADABLE,
    VECTOR,
    image_schema,
    vector_schema,
    vectors_to_arrow,
)

if TYPE_CHECKING:
    import pyarrow

CONTENT = "content"
"""A column of bytes of image files, where an engine has read them itself."""

_opening = Lock()


@dataclass(frozen=True)
class EmbedBatch:
    """A table of images to a table of embeddings: ``EmbedBatch("default")(table)``.

    It is small and can be pickled: an engine sends it to its workers, and each process opens the
    model on first use and once. Every row in is one row out, in the layout of
    `passerby.tables.parts.schema`; an image that cannot be read has no vector and says why.

    Args:
        model: As `passerby.load` takes it, on the machine of the worker.
        runtime: What runs it.
        precision: In which it computes.
        flip: Mean of the embeddings of the image and its mirror image.
        before_neck: The vectors before the neck.
        device: Where it runs; a GPU when there is one.
        threads: Of the CPU; a worker beside others on one machine should have 1.
        batch_size: Images that the network gets at once. The last bits of a vector depend on which
            images it meets there.

    Examples:
        >>> import pyarrow
        >>> made = EmbedBatch("default", device="cpu")(pyarrow.table({"image": ["gone.jpg"]}))
        >>> made["vector"].to_pylist(), made["unreadable"].to_pylist()
        ([None], ['No such file or directory'])
    """

    model: str = DEFAULT
    runtime: str = "auto"
    precision: Precision | None = None
    flip: bool = False
    before_neck: bool = False
    device: str | None = None
    threads: int | None = None
    batch_size: int | None = None

    @property
    def embedder(self) -> Embedder:
        """The model of this process.

        Raises:
            ValueError: As `passerby.load`.
        """
        with _opening:  # threads of one process wait for the first
            return _opened(self)

    def __call__(self, images: Any) -> pyarrow.Table:
        """Embeddings of a table's images.

        Args:
            images: A pyarrow Table or RecordBatch with the column ``image`` (paths), and
                ``content`` (bytes of the files) where the engine has read them. Other columns of
                the layout are carried over; what it does not know is left out.

        Returns:
            As many rows, in the same order.

        Raises:
            ValueError: It is something else, or a column is of another type.
        """
        return embed_table(self.embedder, images)


@lru_cache(maxsize=1)  # of a process: two models at once are seldom wanted and often too large
def _opened(settings: EmbedBatch) -> Embedder:
    return load(
        settings.model,
        runtime=settings.runtime,
        precision=settings.precision,
        flip=settings.flip,
        before_neck=settings.before_neck,
        device=settings.device,
        threads=settings.threads,
        batch_size=settings.batch_size,
    )


def embed_table(embedder: Embedder, images: Any, batch_size: int | None = None) -> pyarrow.Table:
    """As `EmbedBatch`, by a model that is open. Stripes of systems that compare them are not kept.

    batch_size: in place of the embedder's.

    Raises:
        ValueError: It is no table, has no column of images, or one of another type.
    """
    import pyarrow as pa

    table = _image_table(images)
    paths = table["image"].to_pylist()
    contents = images[CONTENT].to_pylist() if CONTENT in images.schema.names else None
    vectors = np.zeros((len(paths), embedder.dimensions), np.float32)
    readable = np.zeros(len(paths), bool)
    ids: list[str | None] = [None] * len(paths)
    reasons: list[str | None] = [None] * len(paths)

    def loaded(row: int) -> LoadedImage | UnreadableImage:
        if contents is not None:
            return _image_of(contents[row], paths[row] or f"row {row}", embedder)
        if not paths[row]:
            return UnreadableImage("", "no image is named")
        return load_image(paths[row], embedder.input)

    size = batch_size or embedder.batch_size
    chunks = (range(s, min(s + size, len(paths))) for s in range(0, len(paths), size))
    for chunk, found in prefetched(chunks, loaded):
        good = []
        for row, image in zip(chunk, found, strict=True):
            if isinstance(image, LoadedImage):
                good.append((row, image))
                ids[row] = image.id
            else:
                reasons[row] = image.reason
        if good:
            rows = [row for row, _ in good]
            vectors[rows] = embedder.of_inputs([image.image for _, image in good]).embeddings
            readable[rows] = True
    made = {
        **{name: table[name] for name in table.schema.names},
        "id": pa.array(ids, pa.string()),
        VECTOR: vectors_to_arrow(vectors, readable),
        UNREADABLE: pa.array(reasons, pa.string()),
        FINGERPRINT: pa.array([embedder.fingerprint] * len(paths), pa.string()),
    }
    schema = vector_schema(embedder.dimensions)
    return pa.table([made[name] for name in schema.names], schema=schema)


def _image_table(images: Any) -> pyarrow.Table:
    """What is known of images, in the columns of the layout."""
    import pyarrow as pa

    if not isinstance(images, pa.Table | pa.RecordBatch):
        raise ValueError(
            f"expected a pyarrow Table or RecordBatch, got {type(images).__name__}: engines give "
            'one when asked (Ray Data: batch_format="pyarrow")'
        )
    if "image" not in images.schema.names:
        raise ValueError(
            f"expected a column image with paths, got {', '.join(images.schema.names) or 'none'}"
        )
    columns = []
    for field in image_schema():
        if field.name not in images.schema.names:
            columns.append(pa.nulls(len(images), field.type))
            continue
        given = images[field.name]
        if pa.types.is_timestamp(given.type) and given.type.tz is None:
            raise ValueError(f"the column {field.name} has no zone: cast it to timestamp[us, UTC]")
        try:
            columns.append(given.cast(field.type))
        except pa.ArrowException as error:
            raise ValueError(
                f"the column {field.name} must be {field.type}, got {given.type} ({error})"
            ) from None
    return pa.table(columns, schema=image_schema())


def _image_of(data: bytes | None, name: str, embedder: Embedder) -> LoadedImage | UnreadableImage:
    if not data:
        return UnreadableImage(name, "there is no content")
    try:
        pixels = decode_contents(data, name)
    except UnreadableImage as error:
        return error
    return LoadedImage(content_id(data), resized(pixels, embedder.input), b"")
