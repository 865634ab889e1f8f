"""The benchmarks of decisions and linking, on one small drawn site, and what they measure with."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from passerby.gallery.link.rules import Rules
from passerby.tables.sightings import Sightings

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark():
    """A benchmark by name, as a module that finds its neighbours."""

    def imported(name: str) -> ModuleType:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(BENCHMARKS))
            return importlib.import_module(name)

    return imported


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """One drawn site of twelve persons, drawn and embedded by whoever comes first."""
    return [str(tmp_path_factory.mktemp("site")), "--sites", "varied:5", "--persons", "12"]


def rows(text):
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


def test_linking_is_measured_beside_its_peers(benchmark, options, capsys):
    benchmark("linking").main(options)
    found = rows(capsys.readouterr().out)["varied 5"]
    assert found[0] == "120 / 12"
    figures = [float(cell.strip("*").split()[0].strip("*")) for cell in found[1:]]
    assert len(figures) == 4 + 4 + 1  # peers, costs, told the passages
    assert all(90 < figure <= 100 for figure in figures[:5])
    assert found[-1].endswith("(10.0)")  # five cameras, two images each


def test_a_large_gallery_is_made_and_linked(benchmark, options, capsys):
    benchmark("linking").main([*options, "--made", "300"])
    text = capsys.readouterr().out
    assert "300 made sightings of " in text
    found = rows(text)
    default = [float(cell.replace(",", "")) for cell in found[f"Passerby, cost {Rules().cost:g}"]]
    assert 0 < default[2] <= 100
    assert default[4] > 10  # MB
    best = [float(cell) for cell in found["DBSCAN at its best"][:3]]
    assert best[2] >= float(found["components at its best"][2]) - 5
    assert 0 < best[2] <= 100


def test_rates_stated_and_realised_are_measured(benchmark, options, capsys):
    benchmark("decisions").main(options)
    text = capsys.readouterr().out
    assert "Stated 0.001:" in text
    assert "Stated 0.01:" in text
    found = rows(text)["varied 5, by two cameras"]  # of the last table: 0.01
    assert found[0] == "480 / 5,280"  # 12 · 10 cameras' pairs · 4; all others by two cameras
    assert all(0 <= float(cell) < 0.1 for cell in found[1:4])
    assert float(found[5].strip("*").split()[0].strip("*")) < 0.1


def slow_dbscan(vectors, threshold, least):
    """DBSCAN by its definition: chains of central ones, others to the nearest central one."""
    distances = 1 - vectors @ vectors.T
    near = distances < threshold
    central = near.sum(axis=1) >= least
    groups = np.arange(len(vectors))
    for _ in groups:
        for a, b in zip(*np.nonzero(near & central & central[:, None]), strict=True):
            groups[[a, b]] = groups[[a, b]].min()
    for row in np.flatnonzero(~central):
        around = np.flatnonzero(near[row] & central)
        if len(around):
            groups[row] = groups[around[distances[row, around].argmin()]]
    return groups


@pytest.mark.parametrize("least", [1, 2, 4])
def test_the_peer_is_dbscan(benchmark, least):
    linking = benchmark("linking")
    random = np.random.default_rng(least)
    vectors = np.repeat(random.normal(size=(8, 4)), 5, axis=0) + 0.3 * random.normal(size=(40, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = linking.Near.of(vectors)
    sizes = set()
    for threshold in 1e-5 + np.array(near.thresholds()):  # no distance itself, by rounding
        found = linking.dbscan(near, threshold, least)
        slow = slow_dbscan(vectors, threshold, least)
        assert ((found[:, None] == found) == (slow[:, None] == slow)).all()
        sizes.add(len(np.unique(found)))
    assert len(sizes) > 3


def test_made_sightings_differ_as_those_they_are_made_like(benchmark):
    """Within a person and camera, between persons, and between cameras."""
    galleries = benchmark("galleries")
    random = np.random.default_rng(0)
    owners = np.repeat(np.arange(100), 6)
    cameras = np.tile(np.arange(3), 200)
    spreads = {"cameras": 0.1, "persons": 0.3, "rest": 0.2}
    vectors = np.eye(1, 16) * 2 + spreads["cameras"] * random.normal(size=(3, 16))[cameras]
    vectors = vectors + spreads["persons"] * random.normal(size=(100, 16))[owners]
    vectors += spreads["rest"] * random.normal(size=(600, 16))
    like = Sightings(
        [f"{row:032x}" for row in range(600)],
        vectors,
        persons=owners.astype(str),
        cameras=cameras.astype(str),
        sources=["s"] * 600,
    )
    made = galleries.made([like], 4_000)
    assert len(made) == 4_000
    assert 900 < len(np.unique(made.persons)) <= 1_000
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1, rtol=1e-5)

    def medians(sightings):
        units = sightings.vectors / np.linalg.norm(sightings.vectors, axis=1, keepdims=True)
        one, other = np.triu_indices(min(len(sightings), 1_500), 1)
        distances = 1 - (units @ units.T)[one, other]
        same = sightings.persons[one] == sightings.persons[other]
        by_one = sightings.cameras[one] == sightings.cameras[other]
        kinds = (same & ~by_one, ~same & by_one, ~same & ~by_one)
        return [float(np.median(distances[kind])) for kind in kinds]

    np.testing.assert_allclose(medians(made), medians(like), rtol=0.15)
