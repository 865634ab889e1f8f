"""Erased rectangles, and grey ones."""

import numpy as np
import pytest
import torch

from passerby.registry import AUGMENTATIONS


def _image(seed: int = 0) -> torch.Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (3, 64, 32), np.uint8)
    return torch.from_numpy(pixels)


def test_erase_covers_the_asked_share_at_the_asked_rate() -> None:
    image = torch.full((3, 128, 64), 7, dtype=torch.uint8)
    erase = AUGMENTATIONS.build("erase(probability=0.5, smallest=0.1, largest=0.2)")
    shares = []
    for seed in range(400):
        erased = erase(image, np.random.default_rng(seed))
        shares.append(float((erased[0] != 7).float().mean()))
    hit = [share for share in shares if share > 0]
    assert 0.4 < len(hit) / len(shares) < 0.6
    assert min(hit) > 0.09
    assert max(hit) < 0.21


def _changed(call: str, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The pixels that one augmentation changed [H, W], and their new values [3, N]."""
    after = AUGMENTATIONS.build(call)(_image(), np.random.default_rng(seed))
    where = (after != _image()).any(0)
    return where, after[:, where]


def test_fills_are_as_named() -> None:
    for seed in range(9):
        _, mean = _changed("erase(probability=1.0)", seed)
        assert mean.unique(dim=1).flatten().tolist() == [124, 116, 104]
        _, own = _changed("erase(probability=1.0, fill=image)", seed)
        expected = _image().float().mean((1, 2))
        assert (own.unique(dim=1).float().flatten() - expected).abs().max() <= 0.5
    colours = {tuple(_changed("erase(probability=1.0, fill=colour)", s)[1][:, 0].tolist())
               for s in range(9)}  # fmt: skip
    assert len(colours) == 9
    where, noise = _changed("erase(probability=1.0, fill=noise)", 3)
    assert len(noise.unique(dim=1)[0]) > 0.9 * int(where.sum())
    with pytest.raises(ValueError, match="fill must be mean, image, colour or noise, got 'black'"):
        AUGMENTATIONS.build("erase(fill=black)")


def test_several_rectangles_cover_more() -> None:
    shares = {
        count: np.mean([
            _changed(f"erase(probability=1.0, largest=0.1, count={count})", seed)[0].float().mean()
            for seed in range(60)
        ])
        for count in (1, 5)
    }  # fmt: skip
    assert shares[5] > 1.8 * shares[1]


def test_a_grey_patch_is_a_rectangle_without_colours() -> None:
    seen = 0
    for seed in range(20):
        where, values = _changed("grey_patch(probability=1.0)", seed)
        rows, columns = where.any(1).nonzero().flatten(), where.any(0).nonzero().flatten()
        assert torch.equal(values[0], values[1])
        assert torch.equal(values[1], values[2])
        inside = where[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert inside.float().mean() > 0.95  # a pixel may have been grey by chance
        weights = torch.tensor([0.299, 0.587, 0.114])
        expected = (_image().float() * weights[:, None, None]).sum(0)[where]
        assert (values[0].float() - expected).abs().max() < 2
        seen += 1
    assert seen == 20


def test_what_is_erased_may_grow_with_the_epochs() -> None:
    erase = AUGMENTATIONS.build("erase(smallest=0.1, largest=0.5, grows=(4, 8))")
    shares = [round(erase.at(epoch).largest, 9) for epoch in (0, 4, 5, 6, 8, 20)]
    assert shares == [0.1, 0.1, 0.2, 0.3, 0.5, 0.5]
    always = AUGMENTATIONS.build("erase(largest=0.5)")
    assert always.at(0).largest == 0.5
    image = torch.full((3, 128, 64), 7, dtype=torch.uint8)
    early, late = (
        [
            float((erase.at(epoch)(image, np.random.default_rng(seed))[0] != 7).float().mean())
            for seed in range(100)
        ]
        for epoch in (4, 8)
    )
    assert max(early) < 0.12
    assert max(late) > 0.3
    with pytest.raises(ValueError, match="the first not after the last"):
        AUGMENTATIONS.build("erase(grows=(8, 4))")
