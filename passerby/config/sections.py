"""The sections of a recipe, as frozen dataclasses that check their numbers when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LayerUnit = Literal["block", "stage"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def within(name: str, value: float, least: float, most: float, unit: str = "") -> None:
    """Raise ValueError for a number out of bounds; NaN is out of all."""
    if not least <= value <= most:
        raise ValueError(
            f"{name} must be at least {least:g}{unit} and at most {most:g}, got {value!r}"
        )


def _above_zero(name: str, value: float, most: float) -> None:
    if not 0 < value <= most:
        raise ValueError(f"{name} must be above 0 and at most {most:g}, got {value!r}")


@dataclass(frozen=True)
class Input:
    """How an image becomes the network's input: resized, then (value / 255 − mean) / std."""

    colours: Literal["rgb"] = "rgb"
    height: int = 256
    width: int = 128
    filter: Literal["bilinear", "bicubic"] = "bilinear"
    antialias: bool = True
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        within("input.height", self.height, 8, 4096, " pixels")
        within("input.width", self.width, 8, 4096, " pixels")
        for mean in self.mean:
            within("input.mean (of values from 0 to 1)", mean, 0, 1)
        for std in self.std:
            _above_zero("input.std", std, 1000)


@dataclass(frozen=True)
class Network:
    """Backbone to classifier. neck: batch norm (BNNeck), none.

    start: the weights that training begins with: imagenet, none, or those of a model folder or of
    "default", of which ``start_of`` takes what its patterns of names fit ("backbone.*, neck.*";
    classifiers never). system: a complete method's network, which says what of the rest it reads;
    plain reads all. projection: layers between pooling and neck, or none. frozen: backbone and
    pooling stay as they begin, and what they make of each image is computed once.
    """

    backbone: str = "resnet50(last_stride=1)"
    start: str = "none"
    attention: str = "none"
    pooling: str = "average"
    neck: Literal["batch_norm", "none"] = "batch_norm"
    classifier: str = "linear"
    system: str = "plain"
    projection: str = "none"
    start_of: str = "*"
    frozen: bool = False


@dataclass(frozen=True)
class Sampling:
    """A batch: so many persons, so many images of each (P × K).

    limit: how often one person may come in an epoch (0: as often as its images allow). sources:
    where there are several, drawn from jointly, evenly within each batch, or one source a batch.
    cameras: balanced spreads a person's images over as many cameras as possible. sites: apart fills
    a batch (a source's share of it) with persons of one site as far as they reach; persons are of
    one site when cameras in common link them. Strangers in one light are hard to tell apart,
    those of two places are told by the light.
    """

    persons: int = 16
    images: int = 4
    limit: int = 0
    sources: Literal["joint", "even", "alternate"] = "joint"
    cameras: Literal["any", "balanced"] = "any"
    sites: Literal["mixed", "apart"] = "mixed"

    def __post_init__(self) -> None:
        within("sampling.persons", self.persons, 2, 100_000, " persons")
        within("sampling.images", self.images, 1, 100_000, " image of each person")
        within("sampling.limit", self.limit, 0, 2**31)


@dataclass(frozen=True)
class LossTerm:
    """One term of the weighted sum that is minimised.

    rate: at which parameters of the loss itself (centres) follow its unweighted gradient, apart
    from the optimizer and its schedule; 0: they learn as all others do.
    parts: of which of a system's parts, by a pattern of their names ("global*").
    """

    loss: str
    weight: float = 1.0
    rate: float = 0.0
    parts: str = "*"

    def __post_init__(self) -> None:
        within(f"the weight of the loss {self.loss!r}", self.weight, 0, 1e9)
        within(f"the rate of the loss {self.loss!r}", self.rate, 0, 1e9)


@dataclass(frozen=True)
class Rate:
    """Factors on learning rate and weight decay of the parameters whose names fit ``of``."""

    of: str
    rate: float = 1.0
    weight_decay: float = 1.0

    def __post_init__(self) -> None:
        within(f"the rate of {self.of!r} (a factor)", self.rate, 0, 1e6)
        within(f"the weight decay of {self.of!r} (a factor)", self.weight_decay, 0, 1e6)


@dataclass(frozen=True)
class Optimizer:
    """Update rule; rate is the learning rate that warm-up reaches.

    decays: all parameters, or only matrices and larger: no biases, no weights of norms. rates:
    for some parameters by patterns of their names; the factors of all patterns that fit multiply.
    layer_decay: each layer's rate is that of the next one times this, down from the head, whose
    rate is whole; a layer is a block or a whole stage (of ResNet, Swin, ConvNeXt).
    """

    name: Literal["adam", "adamw", "sgd"] = "adam"
    rate: float = 3.5e-4
    weight_decay: float = 5e-4
    momentum: float = 0.9
    decays: Literal["all", "matrices"] = "all"
    rates: tuple[Rate, ...] = ()
    layer_decay: float = 1.0
    layer_unit: LayerUnit = "block"

    def __post_init__(self) -> None:
        _above_zero("optimizer.rate", self.rate, 1000)
        _above_zero("optimizer.layer_decay", self.layer_decay, 1)
        within("optimizer.weight_decay", self.weight_decay, 0, 1e6)
        within("optimizer.momentum", self.momentum, 0, 1)


@dataclass(frozen=True)
class Schedule:
    """Learning rate over epochs: linear warm-up, then steps or a cosine down to ``floor`` × rate.

    warm_up in epochs, from ``warm_up_start`` × rate; at each of ``steps`` (epochs) × ``factor``.
    one_cycle is cosine with a warm-up that is the half of a cosine too.

    changes: with every step, or at the beginning of each epoch alone. first_epoch: the number of
    the first epoch; 1 makes the epochs that are done one more than they are, as codes do that
    count from 1. cosine_from: the cosine's own epochs begin behind the warm-up, or with the run,
    of whose first part the warm-up then takes the place.
    """

    kind: Literal["step", "cosine", "constant", "one_cycle"] = "step"
    warm_up: float = 10.0
    warm_up_start: float = 0.01
    steps: tuple[int, ...] = (40, 70)
    factor: float = 0.1
    floor: float = 0.0
    changes: Literal["step", "epoch"] = "step"
    first_epoch: int = 0
    cosine_from: Literal["warm_up", "beginning"] = "warm_up"

    def __post_init__(self) -> None:
        within("schedule.first_epoch", self.first_epoch, 0, 1)
        within("schedule.warm_up", self.warm_up, 0, 1e6, " epochs")
        within("schedule.warm_up_start", self.warm_up_start, 0, 1)
        for step in self.steps:
            within("schedule.steps", step, 0, 1e6)
        within("schedule.factor", self.factor, 0, 1)
        within("schedule.floor", self.floor, 0, 1)


@dataclass(frozen=True)
class Averaging:
    """A mean of the weights that takes the place of the last ones in validation and result.

    exponential: over all steps, forgetting with ``decay``; last: uniform over the last ``epochs``.
    """

    kind: Literal["none", "exponential", "last"] = "none"
    decay: float = 0.999
    epochs: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1 or self.epochs < 1:
            raise ValueError(
                "averaging needs a decay in [0, 1) and at least one epoch, got "
                f"decay={self.decay}, epochs={self.epochs}"
            )


@dataclass(frozen=True)
class Phase:
    """One stage of a staged method: what trains, on which losses, how fast.

    trains: patterns of parameter names (``classifier*``, ``backbone.layer4.*``, ``losses.*``); all
    else is frozen. What is left empty is the recipe's: losses (), optimizer (), schedule (), and
    rate 0. The schedule runs over the phase's own epochs.
    """

    name: str
    epochs: int
    trains: tuple[str, ...] = ("*",)
    losses: tuple[LossTerm, ...] = ()
    rate: float = 0.0
    optimizer: tuple[Optimizer, ...] = ()
    schedule: tuple[Schedule, ...] = ()

    def __post_init__(self) -> None:
        within(f"the epochs of phase {self.name!r}", self.epochs, 1, 100_000)
        within(f"the rate of phase {self.name!r}", self.rate, 0, 1e6)


@dataclass(frozen=True)
class Texts:
    """CLIP-ReID's first stage (Li et al. 2023): a text is learnt for each person.

    epochs: ahead of the recipe's, over vectors of the images that are made once; batch: of them;
    encoder: a file with CLIP's text side, or drawn(width=64, depth=2), which has read nothing;
    sentence: its X are learnt.
    """

    encoder: str = ""
    epochs: int = 120
    batch: int = 64
    sentence: str = "A photo of a X X X X person."
    optimizer: Optimizer = Optimizer("adam", rate=3.5e-4, weight_decay=1e-4)
    # Of the rate 3.5e-4: from 1e-5, and down to 1e-6.
    schedule: Schedule = Schedule(
        "cosine",
        warm_up=5,
        warm_up_start=1 / 35,
        floor=1 / 350,
        changes="epoch",
        first_epoch=1,
        cosine_from="beginning",
    )

    def __post_init__(self) -> None:
        within("texts.epochs", self.epochs, 1, 100_000)
        within("texts.batch", self.batch, 2, 1_000_000, " images")


@dataclass(frozen=True)
class Computation:
    """How a step is computed; docs/training-settings.md says what each costs.

    precision: float32; bfloat16 or float16 (with a scaled loss) by autocast; auto takes one of the
    two on GPUs and float32 on CPUs. compile: let torch.compile fuse the network's operations.
    accumulate: in so many parts a batch goes through the network, twice; the losses see all of it.
    recompute: keep what enters each stage of the backbone and compute the rest again. Both save
    memory. sync_batch_norm: batch norm takes its statistics over all GPUs.
    """

    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    compile: bool = False
    accumulate: int = 1
    recompute: bool = False
    sync_batch_norm: bool = False

    def __post_init__(self) -> None:
        within("computation.accumulate", self.accumulate, 1, 100_000)
