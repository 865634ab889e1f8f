"""The contrast of CLIP-ReID's first stage between images and the texts of their persons.

Li et al. 2023, https://arxiv.org/abs/2211.13977, eq. 1 and 2 with several positives each (eq. 4):
a supervised contrastive loss (Khosla et al. 2020) across two kinds of vectors, at temperature 1 and
on inner products, as the vectors stand.
"""

from __future__ import annotations

from torch import Tensor


def contrast(anchors: Tensor, others: Tensor, persons: Tensor) -> Tensor:
    """The mean over anchors [B, D] of −log p of the others [B, D] of its person, on average.

    persons [B]: of both; p: softmax over all others of the inner products with an anchor. Anchors
    that are images and others that are texts make the loss image to text, and the reverse.
    """
    likely = (anchors @ others.T).log_softmax(dim=1)
    same = persons[:, None] == persons[None, :]
    return -((likely * same).sum(dim=1) / same.sum(dim=1)).mean()


def both_ways(images: Tensor, texts: Tensor, persons: Tensor) -> Tensor:
    """The loss of the first stage: image to text, and text to image."""
    return contrast(images, texts, persons) + contrast(texts, images, persons)
