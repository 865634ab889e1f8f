"""Joints go where their pixels go: a bright spot is found where its joint is said to be."""

import numpy as np
import pytest
import torch
from torch import Tensor

from passerby.data.augmentations import Augmentation, Joints
from passerby.data.augmentations.policies import SIGNED, changed
from passerby.registry import AUGMENTATIONS

HEIGHT, WIDTH = 96, 48
LEFT_SHOULDER, RIGHT_SHOULDER = 5, 6


def spotted(column: int, row: int) -> tuple[Tensor, Joints]:
    """A black image with a spot on the left shoulder, seen; all other joints are not known."""
    image = torch.zeros(3, HEIGHT, WIDTH, dtype=torch.uint8)
    image[:, row - 2 : row + 3, column - 2 : column + 3] = 255
    joints = np.zeros((17, 3), np.float32)
    joints[LEFT_SHOULDER] = column + 0.5, row + 0.5, 2
    return image, joints


def centre(image: Tensor) -> tuple[float, float]:
    """Column and row of the middle of what is bright."""
    weights = image.float().mean(dim=0)
    rows = (torch.arange(HEIGHT) + 0.5)[:, None]
    columns = (torch.arange(WIDTH) + 0.5)[None]
    total = weights.sum()
    return float((weights * columns).sum() / total), float((weights * rows).sum() / total)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "call", ["pad_and_crop(padding=6)", "resized_crop(probability=1)", "flip(probability=1)"]
)
@pytest.mark.parametrize("seed", range(4))
def test_a_joint_stays_on_its_spot(call: str, seed: int) -> None:
    image, joints = spotted(20, 40)
    augmentation: Augmentation = AUGMENTATIONS.build(call)
    changed_image, moved = augmentation.with_joints(image, joints, generator(seed))
    assert torch.equal(changed_image, augmentation(image, generator(seed)))
    shoulder = RIGHT_SHOULDER if call.startswith("flip") else LEFT_SHOULDER
    np.testing.assert_allclose(moved[shoulder, :2], centre(changed_image), atol=0.6)
    assert moved[shoulder, 2] == 2
    assert np.count_nonzero(moved[:, 2]) == 1


@pytest.mark.parametrize("name", sorted(SIGNED))
@pytest.mark.parametrize("seed", [0, 3])
def test_operations_of_policies_move_joints(name: str, seed: int) -> None:
    image, joints = spotted(20, 36)
    image = image // 2 + 40  # so that no change of brightness meets a bound
    image[:, 34:39, 18:23] = 200
    before = image.clone()
    changed_image, move = changed(image, name, 0.5, generator(seed))
    bright = (changed_image > changed_image.float().mean() + 40).to(torch.uint8)
    if name in {"contrast", "brightness"}:
        bright = (changed_image == changed_image.max()).to(torch.uint8)
    np.testing.assert_allclose(move(joints)[LEFT_SHOULDER, :2], centre(bright), atol=0.8)
    assert torch.equal(image, before)


def test_left_and_right_change_sides_in_the_mirror() -> None:
    joints = np.stack([np.arange(17), np.arange(17), np.full(17, 2)], 1).astype(np.float32) + 1
    joints[:, 2] = 2
    flip: Augmentation = AUGMENTATIONS.build("flip(probability=1)")
    _, moved = flip.with_joints(torch.zeros(3, HEIGHT, WIDTH), joints, generator(0))
    order = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    np.testing.assert_array_equal(moved[:, 1], joints[order, 1])
    np.testing.assert_array_equal(moved[:, 0], WIDTH - joints[order, 0])


def test_what_leaves_the_image_has_no_place() -> None:
    _, joints = spotted(20, 3)
    joints[0] = 24, 90, 1
    crop: Augmentation = AUGMENTATIONS.build("pad_and_crop(padding=10)")
    down = [int(generator(seed).integers(0, 21, size=2)[0]) - 10 for seed in range(40)]
    seed = next(seed for seed, by in enumerate(down) if by >= 6)
    _, moved = crop.with_joints(torch.zeros(3, HEIGHT, WIDTH), joints, generator(seed))
    assert not moved[LEFT_SHOULDER].any()
    assert moved[0, 2] == 1


def test_an_erased_joint_is_hidden() -> None:
    image, _ = spotted(20, 40)
    columns, rows = np.meshgrid(np.linspace(3, 44, 4), np.linspace(4, 90, 5))
    grid = np.stack([columns, rows, np.full(columns.shape, 2)], -1).reshape(-1, 3)[:17]
    erase: Augmentation = AUGMENTATIONS.build("erase(probability=1, fill=colour, count=2)")
    hidden = 0
    for seed in range(6):
        erased, moved = erase.with_joints(image, grid.astype(np.float32), generator(seed))
        for before, after in zip(grid, moved, strict=True):
            at = slice(None), int(before[1]), int(before[0])
            covered = not torch.equal(erased[at], image[at])
            assert after[2] == (1 if covered else 2)
            np.testing.assert_array_equal(after[:2], before[:2].astype(np.float32))
            hidden += covered
    assert hidden > 5


def test_a_change_of_colours_moves_nothing() -> None:
    image, joints = spotted(20, 40)
    grey: Augmentation = AUGMENTATIONS.build("grey(probability=1)")
    assert grey.with_joints(image, joints, generator(0))[1] is joints
