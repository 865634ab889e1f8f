"""Charts and pictures of calibrations, also of perfect and of useless ones."""

from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from passerby.assessment.compare import Evidence, PairComparison
from passerby.evaluation.decisions.calibration_fitting import calibrate
from passerby.tables.embeddings import Embeddings
from passerby.visual.comparison_picture import comparison_picture, draw_comparison
from passerby.visual.svg.calibration_charts import (
    distances_chart,
    draw_calibration,
    error_chart,
    reliability_chart,
)


def people(noise):
    random = np.random.default_rng(0)
    numbers = np.repeat(np.arange(40), 4)
    vectors = random.normal(size=(40, 8))[numbers] + noise * random.normal(size=(160, 8))
    return Embeddings(vectors, numbers, np.tile([0, 0, 1, 1], 40))


@pytest.fixture(scope="module", params=[0.0001, 0.5, 50.0])
def calibration(request):
    return calibrate(people(request.param), replicates=5)


@pytest.mark.parametrize("chart", [distances_chart, reliability_chart, error_chart])
def test_charts_are_drawn_whatever_the_system(calibration, chart):
    root = ElementTree.fromstring(chart(calibration))
    assert root.get("role") == "img"
    told = " ".join(root.itertext())
    assert "nan" not in told
    assert "inf" not in told


def test_errors_are_told_as_rates(calibration):
    texts = {e.text for e in ElementTree.fromstring(error_chart(calibration)).iter() if e.text}
    assert texts & {"0.1", "0.01", "0.001"}


def test_they_are_written_beside_the_file(calibration, tmp_path):
    files = draw_calibration(calibration, tmp_path / "net.calibration.json")
    assert sorted(path.name for path in files) == [
        "net.calibration-distances.svg",
        "net.calibration-errors.svg",
        "net.calibration-reliability.svg",
    ]
    assert all(path.read_text(encoding="utf-8").startswith("<svg") for path in files)


@pytest.fixture
def images(tmp_path):
    names = []
    for name, size in (("a wide one.png", (80, 40)), ("ä" * 90 + ".png", (20, 90))):
        Image.new("RGB", size, (10, 200, 30)).save(tmp_path / name)
        names.append(str(tmp_path / name))
    return names


@pytest.mark.parametrize("distance", [0.0, 0.4, 5.0])
def test_a_comparison_is_drawn(calibration, images, distance, tmp_path):
    point = calibration.points[-1]
    evidence = Evidence(1.0, False, 0.5, 0.73, 0.1, point, distance < point.threshold)
    comparison = PairComparison(*images, distance, "cosine", evidence, ("a warning",))
    path = draw_comparison(comparison, tmp_path / "new" / "pair.png", calibration)
    with Image.open(path) as picture:
        assert picture.size[0] > 640
        colours = {colour for _, colour in picture.convert("RGB").getcolors(10**6)}
    assert (10, 200, 30) in colours
    verdict = "accepted" if evidence.same_person else "not accepted"
    assert f"{verdict} as one person at a false-match rate of 0.1" in str(comparison)


def test_without_calibration_there_is_no_plot(images):
    bare = PairComparison(*images, 0.3, "cosine", None, (), ("not calibrated",))
    assert comparison_picture(bare).size[0] == 620 + 32
    assert "not calibrated" in str(bare)
