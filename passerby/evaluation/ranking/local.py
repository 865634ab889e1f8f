"""Distances of images as stripes that are matched out of step (AlignedReID, AlignedReID++)."""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from passerby.alignment import aligned_distance
from passerby.evaluation.ranking.copies import find_copies
from passerby.evaluation.ranking.distances import Distances, VectorDistances
from passerby.evaluation.ranking.threads import shared
from passerby.process.devices import find_device
from passerby.tables.embeddings import Embeddings, require_one_model

Which = Literal["global", "local", "both"]

_TILE = (16, 256)  # queries × gallery: 8 × 8 stripe distances of a tile fill a megabyte


class LocalDistances(Distances):
    """Aligned distances (`passerby.alignment`) between query and gallery stripes [N, S, D] float32.

    As with `VectorDistances`, equal gallery images get exactly equal distances, and an entry does
    not depend on the block in which it is asked for, nor on the number of threads. Raises
    ValueError on different shapes and on values that are not finite.
    """

    def __init__(
        self,
        query: NDArray[np.float32],
        gallery: NDArray[np.float32],
        device: str | torch.device | None = None,
    ) -> None:
        if query.shape[1:] != gallery.shape[1:]:
            raise ValueError(
                f"query stripes are {list(query.shape[1:])} and gallery stripes "
                f"{list(gallery.shape[1:])}: embed both with the same model"
            )
        for part, stripes in (("query", query), ("gallery", gallery)):
            if not np.isfinite(stripes).all():
                raise ValueError(f"{part} stripes hold NaN or infinite values")
        self.shape = (len(query), len(gallery))
        self._query, self._gallery = (
            torch.from_numpy(part).to(find_device(device or "cpu")) for part in (query, gallery)
        )
        self._copies = find_copies(gallery.reshape(len(gallery), -1))

    @property
    def block_rows(self) -> int:
        """As for all distances, in whole tiles."""
        return max(1, super().block_rows // _TILE[0]) * _TILE[0]

    def block(self, rows: slice) -> NDArray[np.float32]:
        start, stop, step = rows.indices(self.shape[0])
        assert step == 1
        # Whole tiles, as the last bit of a product depends on its shape.
        first = start // _TILE[0] * _TILE[0]
        last = min(-(-max(start, stop) // _TILE[0]) * _TILE[0], self.shape[0])
        block = torch.empty(last - first, self.shape[1])

        def measure(corner: tuple[int, int]) -> None:
            top = slice(corner[0], min(corner[0] + _TILE[0], last))
            left = slice(corner[1], corner[1] + _TILE[1])
            tile = _all_aligned(self._query[top], self._gallery[left])
            block[top.start - first : top.stop - first, left] = tile  # from its device

        tops, lefts = range(first, last, _TILE[0]), range(0, self.shape[1], _TILE[1])
        shared(measure, list(product(tops, lefts)))
        block[:, self._copies.rows] = block[:, self._copies.originals]
        return block.numpy()[start - first : max(start, stop) - first]


class GlobalAndLocalDistances(Distances):
    """The squared distance of embeddings at unit length and the aligned distance of the stripes.

    The sum that Luo et al.'s code ranks by; the first is twice the cosine distance.
    """

    def __init__(self, vectors: VectorDistances, stripes: LocalDistances) -> None:
        self.shape = vectors.shape
        self._vectors, self._stripes = vectors, stripes

    @property
    def block_rows(self) -> int:
        return self._stripes.block_rows

    def block(self, rows: slice) -> NDArray[np.float32]:
        total = self._vectors.block(rows)
        total *= 2
        total += self._stripes.block(rows)
        return total


def distances_of(
    query: Embeddings,
    gallery: Embeddings,
    which: Which,
    device: str | torch.device | None = None,
) -> Distances:
    """The cosine distance of the embeddings, the aligned distance of their stripes, or both.

    Raises ValueError when stripes are asked for and one of the parts has none.
    """
    require_one_model(query, gallery)
    if which == "global":
        return VectorDistances(query.vectors, gallery.vectors, "cosine", device)
    if query.local is None or gallery.local is None:
        raise ValueError(
            f"the distance {which!r} needs local vectors: embed with a system that has them "
            "(aligned), or take the distance 'global'"
        )
    stripes = LocalDistances(query.local, gallery.local, device)
    if which == "local":
        return stripes
    vectors = VectorDistances(query.vectors, gallery.vectors, "cosine", device)
    return GlobalAndLocalDistances(vectors, stripes)


def _all_aligned(query: torch.Tensor, gallery: torch.Tensor) -> torch.Tensor:
    """Aligned distances [q, g] of all pairs of stripes [q, S, D] and [g, S, D]."""
    (q, stripes, width), g = query.shape, len(gallery)
    products = query.reshape(-1, width) @ gallery.reshape(-1, width).T  # [q · S, g · S]
    by_stripe = products.view(q, stripes, g, stripes).permute(1, 3, 0, 2)  # [S, S, q, g]
    squares = query.square().sum(dim=2).T[:, None, :, None]
    squares = squares + gallery.square().sum(dim=2).T[None, :, None, :]
    return aligned_distance((squares - 2 * by_stripe).clamp_(min=0).sqrt_())
