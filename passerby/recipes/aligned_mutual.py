"""AlignedReID with mutual learning (Zhang et al. 2017); see `models/systems/mutual.py`.

    rank-1 / mAP                    Market-1501
    AlignedReID, mutual learning    92.6 / 82.3    (Table 2 of the paper)

Two networks are trained side by side; the first is stored and tested, by its global vector.

    passerby train aligned_mutual --data market1501=ROOT --out runs/aligned-mutual
    passerby evaluate runs/aligned-mutual --data market1501=ROOT

All but the two networks and what they learn from each other is as in `aligned`, so that the two
recipes compare. Not run here at full length: a GPU of 16 GB and an estimated eight hours for
Market-1501.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import LossTerm, Recipe
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.aligned import aligned
from passerby.recipes.compact import Scale, Source
from passerby.registry import RECIPES

ALIGNED = publish(
    Publication(
        "AlignedReID",
        "Zhang et al. 2017",
        "https://arxiv.org/abs/1711.08184",
        "aligned_mutual",
        (Score("market1501", 92.6, 82.3, "Table 2 of the paper"),),
        "the score is that of mutual learning, trained on four data sets together; the global "
        "vector alone is tested.",
    )
)


@RECIPES.register
def aligned_mutual(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """AlignedReID (Zhang et al. 2017): two networks that learn from each other."""
    alone = aligned(scale=scale)
    return replace(
        alone,
        name=alone.name.replace("aligned", "aligned_mutual"),
        network=replace(alone.network, system="mutual"),
        losses=(
            *alone.losses,
            LossTerm("mutual_probabilities", weight=0.01),
            LossTerm("mutual_distances", weight=0.001),
        ),
        origins=(
            expected(ALIGNED, data),
            "two networks, KL divergence of their probabilities, squared differences of their "
            "global distances: Zhang et al.",
            "weights 0.01 and 0.001 of these: Zhang et al., quoted from memory; a reimplementation "
            "weighs the distances by 1 and leaves the probabilities out",
            "all else as in `aligned`, so that the two compare: ours; Zhang et al. train at "
            "224×224 with margins of 0.5 on batches of 160 (quoted from memory)",
            *alone.origins[1:],
        ),
    )
