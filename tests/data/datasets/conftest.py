"""Small copies of the layouts."""

from pathlib import Path

import pytest

MARKET = (
    "bounding_box_train/0002_c1s1_000451_03.jpg",
    "bounding_box_train/0002_c2s1_000776_01.jpg",
    "bounding_box_train/0007_c3s3_077419_03.jpg",
    "query/0001_c1s1_001051_00.jpg",
    "query/0003_c6s4_000002_00.jpg",
    "bounding_box_test/0001_c2s1_001976_01.jpg",
    "bounding_box_test/0003_c1s6_015971_02.jpg",
    "bounding_box_test/0000_c1s1_000151_01.jpg",
    "bounding_box_test/-1_c1s1_000401_03.jpg",
)
DUKE = (
    "bounding_box_train/0001_c2_f0046182.jpg",
    "query/0005_c2_f0046985.jpg",
    "bounding_box_test/0005_c5_f0051781.jpg",
    "bounding_box_test/0008_c8_f0026000.jpg",
)
MSMT = {
    "train": "0000/0000_000_01_0303morning_0015_0.jpg 0\n0001/0001_000_12_0303noon_0015_0.jpg 1\n",
    "val": "0000/0000_045_15_0303morning_0006_2_ex.jpg 0\n",
    "query": "0000/0000_000_03_0302noon_0018_1.jpg 0\n",
    "gallery": "0000/0000_001_04_0302noon_0018_1.jpg 0\n0002/0002_001_14_0302noon_0018_1.jpg 2\n",
}


@pytest.fixture
def market(tmp_path, make_images) -> Path:
    return make_images(tmp_path / "market", MARKET)


@pytest.fixture
def duke(tmp_path, make_images) -> Path:
    return make_images(tmp_path / "duke", DUKE)


@pytest.fixture(
    params=[("MSMT17_V1", "train", "test"), ("MSMT17_V2", "mask_train_v2", "mask_test_v2")]
)
def msmt(request, tmp_path, make_images) -> Path:
    name, train, test = request.param
    root = tmp_path / "msmt" / name
    for part, lines in MSMT.items():
        folder = root / (train if part in ("train", "val") else test)
        make_images(folder, [line.split()[0] for line in lines.splitlines()])
        (root / f"list_{part}.txt").write_text(lines)
    return root
