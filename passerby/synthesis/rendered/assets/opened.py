"""A pack as the renderer uses it: arrays by what they are."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open


@dataclass(frozen=True)
class Garment:
    """A garment, shoes, hair or a light body, and how it hangs on the base mesh."""

    references: np.ndarray  # [n, 3] int32: vertices of the base mesh
    shares: np.ndarray  # [n, 3] float32
    offsets: np.ndarray  # [n, 3] float32, times the scale of each axis
    scale_points: np.ndarray  # [3, 2] int32
    scale_lengths: np.ndarray  # [3] float32
    hidden: np.ndarray  # [base points] bool: what it covers
    faces: np.ndarray  # [m, 3] int32
    components: np.ndarray  # [n] int32


@dataclass(frozen=True, eq=False)  # so that what follows from a pack can be remembered by it
class Pack:
    """The base mesh, its targets and bones, and everything that can be worn. Metres."""

    points: np.ndarray  # [base points, 3] float32: the neutral base mesh
    faces: np.ndarray  # [m, 3] int32
    groups: np.ndarray  # [m] uint8: an index into packing.GROUPS
    targets: tuple[str, ...]
    moves: np.ndarray  # [targets, base points, 3] int16, times units
    units: np.ndarray  # [targets] float32
    bones: tuple[str, ...]
    parents: np.ndarray  # [bones] int32, -1 for the root
    weights: np.ndarray  # [base points, bones] float32: rows sum to 1
    heads: tuple[np.ndarray, np.ndarray, np.ndarray]  # bones, base points, shares
    garments: dict[str, Garment]

    @cached_property
    def bone_numbers(self) -> dict[str, int]:
        """Each bone's place."""
        return {name: number for number, name in enumerate(self.bones)}

    @cached_property
    def body(self) -> np.ndarray:
        """The base vertices [k] that are of the body, not of helpers."""
        return np.unique(self.faces[self.groups == 0])

    @cached_property
    def face_marks(self) -> np.ndarray:
        """Base vertices [5] of the nose's tip, left and right eye, left and right ear."""
        x, y, z = self.points[self.body].T
        head = y > 0.6
        nose = np.argmax(np.where(head & (np.abs(x) < 0.02), z, -1))
        eyes = [
            np.argmin((x - side * 0.033) ** 2 + (y - 0.727) ** 2 + (z - 0.13) ** 2)
            for side in (1, -1)
        ]
        ears = [np.argmax(np.where(head & (y < 0.76), side * x, -1)) for side in (1, -1)]
        return self.body[np.array([nose, *eyes, *ears])]


_FIELDS = (
    "references", "shares", "offsets", "scale_points", "scale_lengths", "hidden", "faces",
    "components",
)  # fmt: skip


def open_pack(path: Path) -> Pack:
    """Read a pack.

    Raises:
        ValueError: the file is no whole pack.
    """
    try:
        return _read(path)
    except SafetensorError as error:
        raise ValueError(
            f"expected packed bodies and clothes in {path}, but it cannot be read ({error}): "
            "delete it, and it is made anew"
        ) from error


def _read(path: Path) -> Pack:
    with safe_open(path, "numpy") as file:
        about = file.metadata()
        names = json.loads(about["garments"])
        garments = {
            name: Garment(*(file.get_tensor(f"{name}.{field}") for field in _FIELDS))
            for name in names
        }
        return Pack(
            points=file.get_tensor("base.points"),
            faces=file.get_tensor("base.faces"),
            groups=file.get_tensor("base.groups"),
            targets=tuple(json.loads(about["targets"])),
            moves=file.get_tensor("targets.moves"),
            units=file.get_tensor("targets.units"),
            bones=tuple(json.loads(about["bones"])),
            parents=file.get_tensor("bones.parents"),
            weights=file.get_tensor("bones.weights"),
            heads=(
                file.get_tensor("bones.head_bones"), file.get_tensor("bones.head_points"),
                file.get_tensor("bones.head_shares"),
            ),
            garments=garments,
        )  # fmt: skip
