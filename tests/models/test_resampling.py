"""Resizing by matrices against torch's."""

import pytest
import torch
import torch.nn.functional as F

from passerby.models.resampling import resampled, resampling


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
@pytest.mark.parametrize("old", [(5, 3), (31, 72), (64, 32), (257, 99)])
def test_torch_gives_the_same(filter, antialias, old):
    maps = torch.rand(2, 3, *old, generator=torch.Generator().manual_seed(0))
    wanted = F.interpolate(maps, (64, 32), mode=filter, antialias=antialias, align_corners=False)
    found = resampled(maps, (64, 32), filter, antialias)
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=0)


def test_the_same_size_changes_nothing():
    same = resampling(7, 7, "bilinear", True, torch.device("cpu"))
    assert torch.equal(same, torch.eye(7))
