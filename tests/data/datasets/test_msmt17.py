"""MSMT17 in both versions, whole and broken."""

import time

import pytest

from passerby.data.reading.reader import read_split

SET = {
    "train/0000/0000_000_01_0303morning_0015_0.jpg": None,
    "list_train.txt": "0000/0000_000_01_0303morning_0015_0.jpg 0\n",
}


def test_parts_and_cameras(msmt):
    split = read_split(f"msmt17={msmt.parent}")
    assert [(r.person, r.camera) for r in split.train] == [(0, 1), (1, 12), (0, 15)]
    assert [(r.person, r.camera) for r in split.query] == [(0, 3)]
    assert [(r.person, r.camera) for r in split.gallery] == [(0, 4), (2, 14)]
    assert split.separate_namespaces
    assert split.notes == ("val=merge: of list_val.txt 1 image in train",)
    assert split.distractor is None
    assert split.ignored == ()


def test_val_kept_apart(msmt):
    split = read_split(f"msmt17(val=separate)={msmt}")
    assert len(split.train) == 2
    assert [r.camera for r in split.validation] == [15]
    assert split.notes[0].startswith("val=separate")


def test_val_misspelt(msmt):
    with pytest.raises(ValueError, match="did you mean 'merge'"):
        read_split(f"msmt17(val=merged)={msmt}")


def test_windows_lists(msmt):
    lines = (msmt / "list_train.txt").read_text()
    (msmt / "list_train.txt").write_bytes(b"\xef\xbb\xbf" + lines.replace("\n", "\r\n").encode())
    assert len(read_split(str(msmt)).train) == 3


def test_missing_images_are_counted_and_left_out(msmt):
    with (msmt / "list_gallery.txt").open("a") as file:
        file.write("0002/0002_009_14_0302noon_0018_1.jpg 2\n")
    split = read_split(str(msmt))
    assert len(split.gallery) == 2
    assert "list_gallery.txt: 1 listed image does not exist: 0002/0002_009" in split.notes[1]


def test_no_listed_image_exists(msmt):
    (msmt / "list_query.txt").write_text("0000/0000_000_03_0302noon_0018_1.jpeg 0\n")
    with pytest.raises(ValueError, match=r"none of the 1 image that list_query\.txt names"):
        read_split(str(msmt))


@pytest.mark.parametrize(
    "line",
    [
        "0000/0000_000_03_0302noon_0018_1.jpg",
        "0000/0000_000_03_0302noon_0018_1.jpg x",
        "0000/0000_000.jpg 0",
        "0000/0000_000_cam_0302noon_0018_1.jpg 0",
        "../x/0000_000_03_0302noon_0018_1.jpg 0",
        "/0000_000_03_0302noon_0018_1.jpg 0",
    ],
)
def test_broken_lines_are_named(msmt, line):
    with (msmt / "list_train.txt").open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(ValueError, match="line 4 of"):
        read_split(str(msmt))


def test_lists_that_are_missing(msmt):
    (msmt / "list_val.txt").unlink()
    assert "list_val.txt: is not there" in read_split(str(msmt)).notes
    (msmt / "list_query.txt").unlink()
    with pytest.raises(ValueError, match="only one of"):
        read_split(str(msmt))


def test_files_in_no_list_and_of_macos(msmt, make_images):
    folder = next(p for p in msmt.iterdir() if p.is_dir() and "train" in p.name)
    make_images(folder / "0000", ["._0000_000_01_0303morning_0015_0.jpg", "0000_9_01_x_1_0.jpg"])
    make_images(msmt.parent / "__MACOSX" / msmt.name, ["._list_train.txt"])
    assert len(read_split(str(msmt.parent)).ignored) == 2


def test_both_versions_in_one_folder(msmt):
    for name in ("train", "mask_train_v2"):
        (msmt / name).mkdir(exist_ok=True)
    with pytest.raises(ValueError, match="both versions"):
        read_split(str(msmt))


def test_no_file_is_asked_for_by_itself(msmt, monkeypatch):
    monkeypatch.setattr("passerby.data.reading.listing.os.path.isfile", pytest.fail)
    before = len(list(msmt.rglob("*.jpg")))
    assert sum(len(part) for part in read_split(f"msmt17={msmt}").parts.values()) == before


def test_listing_takes_seconds(tmp_path, request):
    """A tenth of the set's 126,441 images; all of them with --long."""
    share = 1 if request.config.getoption("--long", default=False) else 10
    made = {}
    for part, persons in (("train", 1041 // share), ("test", 3060 // share)):
        made[part] = [
            f"{p:04d}/{p:04d}_{i:03d}_{i % 15 + 1:02d}_0303noon_0001_0.jpg {p}"
            for p in range(persons)
            for i in range(31)
        ]
        for person in range(persons):
            (tmp_path / part / f"{person:04d}").mkdir(parents=True)
        for line in made[part]:
            (tmp_path / part / line.split()[0]).touch()
    lists = {"train": made["train"], "query": made["test"][::8]}
    lists["gallery"] = [line for i, line in enumerate(made["test"]) if i % 8]
    for name, lines in lists.items():
        (tmp_path / f"list_{name}.txt").write_text("\n".join(lines))
    start = time.perf_counter()
    split = read_split(str(tmp_path))
    assert time.perf_counter() - start < 5
    assert sum(map(len, split.parts.values())) == sum(map(len, made.values()))
