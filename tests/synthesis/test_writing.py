"""A set on disk: its layout, its numbers, and that half a set never counts as one."""

import json
import re
from pathlib import Path

import pytest

from passerby.data.reading.reader import read_split
from passerby.synthesis import figures, photo, write, writing
from passerby.synthesis.variety import Style

NAME = re.compile(r"(-1|\d{4})_c(\d+)s1_(\d{6})_01\.jpg")


def write_small(root: Path, seed: int = 0, junk: int = 3, workers: int = 1) -> Path:
    return write(
        root, seed=seed, train_persons=3, test_persons=2, cameras=2, images=3, distractors=5,
        junk=junk, workers=workers,
    )  # fmt: skip


def persons(folder: Path) -> list[int]:
    names = [NAME.fullmatch(path.name) for path in folder.iterdir()]
    assert all(names)
    return [int(name[1]) for name in names if name]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.*")}


def test_layout_and_counts(tmp_path: Path) -> None:
    root = write_small(tmp_path / "deep" / "set")
    train, query = persons(root / "bounding_box_train"), persons(root / "query")
    gallery = persons(root / "bounding_box_test")
    assert len(train) == 3 * 2 * 3
    assert len(query) == 2 * 2
    assert len(gallery) == 2 * 2 * 2 + 5 + 3
    assert set(train) == {1, 2, 3}
    assert set(query) == {4, 5}
    assert set(gallery) == {4, 5, 0, -1}
    assert (gallery.count(0), gallery.count(-1)) == (5, 3)


def test_a_name_says_how_to_draw_the_picture_again(tmp_path: Path) -> None:
    root = write_small(tmp_path / "set", seed=7)
    for path in (root / "bounding_box_test").iterdir():
        name = NAME.fullmatch(path.name)
        assert name
        assert path.read_bytes() == photo(7, int(name[1]), int(name[2]), int(name[3]))


def test_workers_write_the_same_files(tmp_path: Path) -> None:
    one, two = write_small(tmp_path / "one"), write_small(tmp_path / "two", workers=2)
    assert contents(one) == contents(two)


def test_progress_reaches_the_total(tmp_path: Path, steps: list[tuple[float, float]]) -> None:
    write(
        tmp_path / "set", train_persons=2, test_persons=1, cameras=2, images=2, distractors=0,
        junk=0,
    )  # fmt: skip
    assert steps[-1] == (12, 12)
    assert steps == sorted(steps)


def test_a_finished_set_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_small(tmp_path / "set")
    monkeypatch.setattr(writing, "observe", lambda *_, **__: pytest.fail("drew a picture again"))
    assert write_small(tmp_path / "set") == root
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_another_set_in_the_folder_is_named(tmp_path: Path) -> None:
    write_small(tmp_path / "set")
    with pytest.raises(ValueError, match=r"with seed=0, junk=3, but seed=1, junk=2 was asked"):
        write_small(tmp_path / "set", seed=1, junk=2)


def test_a_set_that_does_not_name_its_style_is_plain(tmp_path: Path) -> None:
    root = write_small(tmp_path / "set")
    described = json.loads((root / "synthetic.json").read_text())
    older = {
        key: value
        for key, value in described.items()
        if key not in ("style", "sites", "pack_version")
    }
    (root / "synthetic.json").write_text(json.dumps(older))
    assert write_small(root) == root
    with pytest.raises(ValueError, match=r"style=plain, but style=varied was asked"):
        write(root, train_persons=3, test_persons=2, cameras=2, images=3, distractors=5, junk=3,
              style="varied")  # fmt: skip


def test_each_site_has_cameras_and_persons_of_its_own(tmp_path: Path) -> None:
    root = write(
        tmp_path / "set", train_persons=5, test_persons=2, cameras=2, images=2, distractors=7,
        junk=0, sites=3, style="varied",
    )  # fmt: skip
    seen: dict[int, set[int]] = {}
    names = [path.name for path in root.glob("*/*.jpg")]
    for name in names:
        person, camera = (int(number) for number in NAME.fullmatch(name).groups()[:2])
        seen.setdefault(person, set()).add(camera)
    assert len(names) == 7 * 2 * 2 + 7
    assert seen.pop(0) == {1, 2, 3, 4, 5, 6}
    assert seen == {1 + p: {1 + p % 3 * 2, 2 + p % 3 * 2} for p in range(7)}
    drawn = photo(0, 2, 3, 1, style="varied")
    assert (root / "bounding_box_train" / "0002_c3s1_000001_01.jpg").read_bytes() == drawn


def test_train_persons_alone_are_a_set_that_can_be_read(tmp_path: Path) -> None:
    root = write(tmp_path / "set", train_persons=2, test_persons=0, cameras=2, images=1)
    assert len(read_split(str(root)).parts["train"]) == 4
    assert persons(root / "bounding_box_test") == []


def test_an_older_generator_is_another_set(tmp_path: Path) -> None:
    root = write_small(tmp_path / "set")
    described = json.loads((root / "synthetic.json").read_text())
    (root / "synthetic.json").write_text(json.dumps(described | {"generator_version": 0}))
    with pytest.raises(ValueError, match="generator_version=0"):
        write_small(root)


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="it holds other files"):
        write_small(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")
    with pytest.raises(ValueError, match="is a file"):
        write_small(tmp_path / "set")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert (write_small(tmp_path / "set") / "synthetic.json").is_file()


def test_an_interrupted_set_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter(range(10))

    def interrupted(*arguments: int, style: Style, site: int, day: int) -> figures.Observation:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return figures.observe(*arguments, style=style, site=site, day=day)

    monkeypatch.setattr(writing, "observe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_small(tmp_path / "set")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    write_small(tmp_path / "set")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1}, "expected seed of 0 or more, got -1"),
        ({"cameras": 0}, "expected cameras of 1 or more"),
        ({"images": 1}, "expected images of 2 or more"),
        ({"workers": 0}, "expected at least 1 worker"),
    ],
)
def test_impossible_numbers(tmp_path: Path, wrong: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "set", **wrong)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
