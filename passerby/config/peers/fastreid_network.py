"""FastReID's network and losses: ``MODEL.BACKBONE``, ``MODEL.HEADS``, ``MODEL.LOSSES``."""

from __future__ import annotations

from typing import Literal

from passerby.config.peers.keys import Keys, choice
from passerby.config.sections import LossTerm, Network

_POOLINGS = {
    "GlobalAvgPool": "average",
    "FastGlobalAvgPool": "average",
    "GlobalMaxPool": "max",
    "GeneralizedMeanPooling": "gem(power=3.0)",
    "GeneralizedMeanPoolingP": "gem(power=3.0)",
}
_CLASSIFIERS = {
    "Linear": "linear",
    "CircleSoftmax": "circle",
    "ArcSoftmax": "arcface",
    "CosSoftmax": "cosface",
}
_RESNETS = {"18x": 18, "34x": 34, "50x": 50, "101x": 101}
_OSNETS = {"x1_0": 1.0, "x0_75": 0.75, "x0_5": 0.5, "x0_25": 0.25}


def network_of(keys: Keys) -> Network:
    """Backbone to classifier, or MGN."""
    keys.became("MODEL.HEADS.NAME", "network")
    keys.became("MODEL.BACKBONE.FEAT_DIM", "follows from the backbone")
    start = "imagenet" if keys.take("MODEL.BACKBONE.PRETRAIN", False, "network.start") else "none"
    backbone, attention = _backbone(keys), _attention(keys)
    pooling = choice(keys, "MODEL.HEADS.POOL_LAYER", "GlobalAvgPool", _POOLINGS, "network.pooling")
    if keys.values.get("MODEL.HEADS.POOL_LAYER") == "GeneralizedMeanPooling":
        keys.notes.append("GeM begins with the power 3 and learns it; FastReID keeps 3")
    for part in ("BACKBONE", "HEADS"):
        known = {"BN": "batch norm", "syncBN": "computation.sync_batch_norm"}
        choice(keys, f"MODEL.{part}.NORM", "BN", known, "batch norm")
    classifier = _classifier(keys)
    width = keys.take("MODEL.HEADS.EMBEDDING_DIM", 0, "network.projection")
    neck: Literal["batch_norm", "none"] = "none"
    if keys.take("MODEL.HEADS.WITH_BNNECK", False, "network.neck"):
        neck = "batch_norm"
    if _is_mgn(keys):
        keys.notes.append(
            "MGN classifies the global vectors before their reduction, and has no triplet loss on "
            "stripes side by side"
        )
        system = f"mgn(width={width or 256}, pooling={pooling!r}, global_stride=1, relu=false)"
        return Network(backbone, start, attention, classifier=classifier, system=system)
    projection = f"linear(width={width}, bias=false)" if width else "none"
    return Network(backbone, start, attention, pooling, neck, classifier, projection=projection)


def _is_mgn(keys: Keys) -> bool:
    name = keys.take("MODEL.META_ARCHITECTURE", "Baseline", "network.system")
    if name not in ("Baseline", "MGN"):
        keys.need("MODEL.META_ARCHITECTURE", "network.system", f"there is no {name} here")
    return name == "MGN"


def _backbone(keys: Keys) -> str:
    name = keys.take("MODEL.BACKBONE.NAME", "build_resnet_backbone", "network.backbone")
    depth = keys.take("MODEL.BACKBONE.DEPTH", "50x", "network.backbone")
    stride = keys.take("MODEL.BACKBONE.LAST_STRIDE", 1, "network.backbone")
    ibn = keys.take("MODEL.BACKBONE.WITH_IBN", False, "network.backbone")
    if name == "build_resnet_backbone" and depth in _RESNETS:
        options = f"last_stride={stride}, ibn={str(ibn).lower()}, ceil_pool=true"
        return f"resnet{_RESNETS[depth]}({options})"
    width = depth.removeprefix("ibn_")
    if name == "build_osnet_backbone" and width in _OSNETS:
        keys.became("MODEL.BACKBONE.LAST_STRIDE", "OSNet has none")
        variant = "ibn" if depth.startswith("ibn_") else "plain"
        return f"osnet(width={_OSNETS[width]}, variant={variant})"
    why = f"there is no {name} of depth {depth} here"
    keys.need("MODEL.BACKBONE.NAME", "network.backbone", why)
    return "resnet50"


def _attention(keys: Keys) -> str:
    excitation = keys.take("MODEL.BACKBONE.WITH_SE", False, "network.attention")
    if keys.take("MODEL.BACKBONE.WITH_NL", False, "network.attention"):
        if excitation:
            keys.lose("MODEL.BACKBONE.WITH_SE", "a network has one attention: non_local_dot")
        return "non_local_dot"
    return "se" if excitation else "none"


def _classifier(keys: Keys) -> str:
    name = choice(keys, "MODEL.HEADS.CLS_LAYER", "Linear", _CLASSIFIERS, "network.classifier")
    if name == "linear":
        for key in ("SCALE", "MARGIN"):
            keys.became(f"MODEL.HEADS.{key}", "a linear classifier has none")
        return name
    scale, margin = (
        keys.take(f"MODEL.HEADS.{key}", usual, "network.classifier")
        for key, usual in (("SCALE", 1.0), ("MARGIN", 0.0))
    )
    return f"{name}(scale={scale:g}, margin={margin:g})"


def losses_of(keys: Keys, network: Network) -> tuple[LossTerm, ...]:
    """The weighted sum. Raises ValueError where nothing is left of it."""
    makers = {
        "CrossEntropyLoss": _cross_entropy,
        "TripletLoss": _triplet,
        "CircleLoss": _pair_circle,
    }
    named = keys.take("MODEL.LOSSES.NAME", ("CrossEntropyLoss",), "losses")
    found = tuple(makers[name](keys, network) for name in named if name in makers)
    missing = [name for name in named if name not in makers]
    if missing:
        keys.lose("MODEL.LOSSES.NAME", f"there is no {', '.join(map(str, missing))} here")
        keys.notes.append(f"without {', '.join(map(str, missing))}")
    if not found:
        raise ValueError("MODEL.LOSSES.NAME: none of its losses is here, so there is no recipe")
    if not keys.said("MODEL.HEADS.NECK_FEAT"):
        keys.became("MODEL.HEADS.NECK_FEAT", "of the triplet loss, which is not taken")
    for block, name in (("CE", "CrossEntropyLoss"), ("TRI", "TripletLoss"), ("FL", "FocalLoss"),
                        ("CIRCLE", "CircleLoss"), ("COSFACE", "Cosface")):  # fmt: skip
        for key in keys.values:
            if key.startswith(f"MODEL.LOSSES.{block}.") and not keys.said(key):
                keys.became(key, f"{name} is not in MODEL.LOSSES.NAME")
    return found


def _cross_entropy(keys: Keys, network: Network) -> LossTerm:
    smoothing = keys.take("MODEL.LOSSES.CE.EPSILON", 0.0, "losses.cross_entropy.label_smoothing")
    weight = keys.take("MODEL.LOSSES.CE.SCALE", 1.0, "losses.cross_entropy.weight")
    if smoothing < 0:
        keys.lose("MODEL.LOSSES.CE.EPSILON", "no adaptive smoothing here; it is 0")
        smoothing = 0.0
    else:
        keys.became("MODEL.LOSSES.CE.ALPHA", "of adaptive smoothing, which is off")
    return LossTerm(f"cross_entropy(label_smoothing={smoothing:g})", weight)


def _triplet(keys: Keys, network: Network) -> LossTerm:
    margin = keys.take("MODEL.LOSSES.TRI.MARGIN", 0.3, "losses.triplet.margin")
    hard = keys.take("MODEL.LOSSES.TRI.HARD_MINING", False, "losses.triplet")
    weight = keys.take("MODEL.LOSSES.TRI.SCALE", 1.0, "losses.triplet.weight")
    after = keys.take("MODEL.HEADS.NECK_FEAT", "before", "losses.triplet.after_neck") == "after"
    cosine = keys.take("MODEL.LOSSES.TRI.NORM_FEAT", False, "losses.triplet.normalise")
    if cosine:
        keys.notes.append("distances of vectors at length one; FastReID takes 2 − 2 · cosine")
    parts = "global*" if network.system.startswith("mgn") else "*"
    if not hard:
        if margin > 0:
            keys.lose("MODEL.LOSSES.TRI.MARGIN", "the weighted triplet loss has a soft margin")
        if after:
            keys.lose("MODEL.HEADS.NECK_FEAT", "the weighted triplet loss is before the neck")
        return LossTerm("weighted_triplet(epsilon=1e-6)", weight, parts=parts)
    kind = f"margin={margin:g}" if margin > 0 else "soft=true"
    kind += ", normalise=true" * cosine + ", after_neck=true" * after
    return LossTerm(f"triplet({kind})", weight, parts=parts)


def _pair_circle(keys: Keys, network: Network) -> LossTerm:
    margin = keys.take("MODEL.LOSSES.CIRCLE.MARGIN", 0.25, "losses.pair_circle.margin")
    scale = keys.take("MODEL.LOSSES.CIRCLE.GAMMA", 128, "losses.pair_circle.scale")
    weight = keys.take("MODEL.LOSSES.CIRCLE.SCALE", 1.0, "losses.pair_circle.weight")
    keys.became("MODEL.HEADS.NECK_FEAT", "before the neck")
    return LossTerm(f"pair_circle(scale={scale:g}, margin={margin:g})", weight)
