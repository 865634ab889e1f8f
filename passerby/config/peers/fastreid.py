"""A configuration of FastReID (yacs, ``MODEL``, ``INPUT``, ``SOLVER``, ...) as a recipe.

Keys and defaults are those of its fastreid/config/defaults.py, what they do was read in its code:
images are resized bicubically, and the scheduler of epochs counts from the end of the warm-up.
"""

from __future__ import annotations

from passerby.config.peers.fastreid_network import losses_of, network_of
from passerby.config.peers.fastreid_schedule import stages_of
from passerby.config.peers.keys import Keys, choice, numbers
from passerby.config.recipe import Recipe
from passerby.config.sections import (
    Computation,
    Input,
    Optimizer,
    Rate,
    Sampling,
)

NAME = "FastReID"

# Kind of data here, and images of its train part as FastReID reads it.
_DATASETS = {
    "Market1501": ("market1501", 12_936),
    "DukeMTMC": ("dukemtmc", 16_522),
    "MSMT17": ('"msmt17(val=separate)', 30_248),
}
_IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)

_WITHOUT = {
    "SOLVER.CLIP_GRADIENTS": "gradients are not clipped",
    "SOLVER.CHECKPOINT_PERIOD": "the state is saved after every epoch",
    "TEST.EVAL_PERIOD": "a test part is scored once; validation_persons choose the epoch",
    "TEST.PRECISE_BN": "statistics of batch norm are not taken anew",
    "TEST.AQE": "in Python: passerby.evaluation.ranking.query_expansion",
    "MODEL.QUEUE_SIZE": "there is no memory of MoCo",
    "MODEL.BACKBONE.PRETRAIN_PATH": "passerby convert FILE, then network.start=FOLDER",
    "MODEL.WEIGHTS": "passerby convert FILE, then network.start=FOLDER",
    "INPUT.AFFINE": "there is no such augmentation",
    "INPUT.AUGMIX": "there is no such augmentation",
    "INPUT.RPT": "there is no such augmentation",
    "INPUT.CROP": "there is no crop at another size; resized_crop is near",
    "CUDNN_BENCHMARK": "kernels are chosen by trial unless --deterministic is given",
    "DATALOADER.SET_WEIGHT": "sampling.sources=even draws from each set alike",
    "KD": "passerby distil learns from other models",
    "VERSION": "of its format",
}
_ELSEWHERE = {
    "MODEL.DEVICE": "passerby train --device",
    "MODEL.HEADS.NUM_CLASSES": "counted in the data",
    "DATASETS.TESTS": "passerby evaluate MODEL --data",
    "DATALOADER.NUM_WORKERS": "passerby train --workers",
    "TEST.IMS_PER_BATCH": "chosen by the memory",
    "TEST.METRIC": "passerby evaluate --metric",
    "TEST.FLIP.ENABLED": "passerby evaluate --flip",
    "TEST.RERANK.ENABLED": "passerby evaluate --rerank",
    "TEST.RERANK.K1": "passerby.rerank(k1=...)",
    "TEST.RERANK.K2": "passerby.rerank(k2=...)",
    "TEST.RERANK.LAMBDA": "passerby.rerank(weight=...)",
    "TEST.ROC.ENABLED": "passerby verify",
    "OUTPUT_DIR": "passerby train --out",
}


def is_fastreid(keys: Keys) -> bool:
    """Whether the keys are FastReID's: capitals, and none that bag of tricks' descendants have."""
    return any(key.startswith(("MODEL.", "SOLVER.", "DATASETS.", "INPUT.")) for key in keys.values)


def recipe_of(keys: Keys, name: str, images: int | None) -> tuple[Recipe, tuple[str, ...]]:
    """(The recipe, what ``--data`` takes); images: of the train part, where no set tells.

    Raises:
        ValueError: for a value of another type or out of bounds, and where iterations are counted
            of a set whose size is not known.
    """
    data, counted = _data(keys)
    network = network_of(keys)
    epochs = keys.take("SOLVER.MAX_EPOCH", 120, "epochs")
    sampling = _sampling(keys)
    batch = sampling.persons * sampling.images
    schedule, phases = stages_of(keys, epochs, images or counted, batch, network)
    recipe = Recipe(
        name,
        epochs=epochs,
        input=_input(keys),
        network=network,
        augmentations=_augmentations(keys),
        sampling=sampling,
        losses=losses_of(keys, network),
        optimizer=_optimizer(keys),
        schedule=schedule,
        computation=_computation(keys),
        phases=phases,
    )
    for key, text in _ELSEWHERE.items():
        keys.became(key, text)
    keys.lose_all(_WITHOUT)
    return recipe, data


def _data(keys: Keys) -> tuple[tuple[str, ...], int]:
    """(Kinds of the train sets, their images; 0 where one is not known)."""
    names = keys.take("DATASETS.NAMES", ("Market1501",), "passerby train --data")
    if any(name not in _DATASETS for name in names):
        keys.became("DATASETS.NAMES", "passerby train --data KIND=ROOT (passerby list datasets)")
        return ("ROOT",), 0
    if keys.take("DATASETS.COMBINEALL", False, "off, as here"):
        keys.lose("DATASETS.COMBINEALL", "nothing is trained on what is tested")
    found = [_DATASETS[name] for name in names]
    kinds = tuple(f"{kind}=ROOT" + '"' * kind.startswith('"') for kind, _ in found)
    return kinds, sum(size for _, size in found)


def _input(keys: Keys) -> Input:
    height, width = numbers(
        "INPUT.SIZE_TRAIN", keys.take("INPUT.SIZE_TRAIN", (256, 128), "input.height, width"), 2
    )
    test = keys.take("INPUT.SIZE_TEST", (256, 128), "input.height, width")
    if "INPUT.SIZE_TEST" in keys.values and tuple(test) != (height, width):
        keys.lose("INPUT.SIZE_TEST", "what is tested has the size of what was trained")
    mean, std = (
        numbers(f"MODEL.{key}", keys.take(f"MODEL.{key}", usual, f"input.{ours}"), 3)
        for key, usual, ours in (
            ("PIXEL_MEAN", _IMAGENET_MEAN, "mean"),
            ("PIXEL_STD", _IMAGENET_STD, "std"),
        )
    )
    return Input(
        height=round(height),
        width=round(width),
        filter="bicubic",
        mean=(mean[0] / 255, mean[1] / 255, mean[2] / 255),
        std=(std[0] / 255, std[1] / 255, std[2] / 255),
    )


def _augmentations(keys: Keys) -> tuple[str, ...]:
    """In FastReID's order."""
    found = []
    if _enabled(keys, "INPUT.AUTOAUG", "auto_augment"):
        chance = keys.take("INPUT.AUTOAUG.PROB", 0.0, "auto_augment")
        found.append(f"auto_augment(probability={chance:g})")
    if _enabled(keys, "INPUT.PADDING", "pad_and_crop"):
        found.append(f"pad_and_crop(padding={keys.take('INPUT.PADDING.SIZE', 10, 'pad_and_crop')})")
        choice(keys, "INPUT.PADDING.MODE", "constant", {"constant": "black"}, "padding")
    if _enabled(keys, "INPUT.FLIP", "flip"):
        found.append(f"flip(probability={keys.take('INPUT.FLIP.PROB', 0.5, 'flip'):g})")
    if _enabled(keys, "INPUT.CJ", "colour_jitter"):
        options = {
            "brightness": keys.take("INPUT.CJ.BRIGHTNESS", 0.15, "colour_jitter"),
            "contrast": keys.take("INPUT.CJ.CONTRAST", 0.15, "colour_jitter"),
            "saturation": keys.take("INPUT.CJ.SATURATION", 0.1, "colour_jitter"),
            "hue": keys.take("INPUT.CJ.HUE", 0.1, "colour_jitter"),
            "probability": keys.take("INPUT.CJ.PROB", 0.5, "colour_jitter"),
        }
        listed = ", ".join(f"{name}={value:g}" for name, value in options.items())
        found.append(f"colour_jitter({listed})")
    if _enabled(keys, "INPUT.REA", "erase"):
        found.append(f"erase(probability={keys.take('INPUT.REA.PROB', 0.5, 'erase'):g})")
        value = keys.take("INPUT.REA.VALUE", _IMAGENET_MEAN, "erase(fill=mean)")
        if numbers("INPUT.REA.VALUE", value, 3) != _IMAGENET_MEAN:
            keys.lose("INPUT.REA.VALUE", "erase fills with ImageNet's mean")
    return tuple(found)


def _enabled(keys: Keys, block: str, ours: str) -> bool:
    """Whether a block is on; of one that is off, nothing else is asked."""
    on = keys.take(f"{block}.ENABLED", False, ours)
    if not on:
        for key in keys.values:
            if key.startswith(f"{block}."):
                keys.became(key, "off")
    return on


def _sampling(keys: Keys) -> Sampling:
    batch = keys.take("SOLVER.IMS_PER_BATCH", 64, "sampling.persons × sampling.images")
    images = max(keys.take("DATALOADER.NUM_INSTANCE", 4, "sampling.images"), 1)
    sampler = keys.take("DATALOADER.SAMPLER_TRAIN", "TrainingSampler", "P × K batches")
    if sampler not in ("NaiveIdentitySampler", "BalancedIdentitySampler"):
        keys.lose("DATALOADER.SAMPLER_TRAIN", "all batches are P × K here")
        keys.notes.append(f"{batch // images} persons × {images} images a batch, in place of any")
    if batch % images:
        keys.lose("SOLVER.IMS_PER_BATCH", f"no multiple of {images} images a person: rounded down")
    cameras = "balanced" if sampler == "BalancedIdentitySampler" else "any"
    return Sampling(persons=batch // images, images=images, cameras=cameras)  # type: ignore[arg-type]


def _optimizer(keys: Keys) -> Optimizer:
    known = {"Adam": "adam", "AdamW": "adamw", "SGD": "sgd"}
    rule = choice(keys, "SOLVER.OPT", "Adam", known, "optimizer.name")
    rate = keys.take("SOLVER.BASE_LR", 3e-4, "optimizer.rate")
    decay = keys.take("SOLVER.WEIGHT_DECAY", 5e-4, "optimizer.weight_decay")
    momentum = keys.take("SOLVER.MOMENTUM", 0.9, "optimizer.momentum")
    if not keys.take("SOLVER.NESTEROV", False, "as SGD is here") and rule == "sgd":
        keys.lose("SOLVER.NESTEROV", "SGD with momentum is Nesterov's")
        keys.notes.append("momentum is Nesterov's here")
    norms, biases = (
        keys.take(f"SOLVER.WEIGHT_DECAY_{of}", 5e-4, "optimizer.weight_decay")
        for of in ("NORM", "BIAS")
    )
    spared = decay > 0 and norms == biases == 0
    rates = [] if spared else [Rate("*.bias", weight_decay=biases / decay)] if decay else []
    if norms != decay and not spared:
        keys.lose("SOLVER.WEIGHT_DECAY_NORM", "norms decay as all weights do")
        keys.notes.append(f"weight decay of norms is {decay:g} and not {norms:g}")
    factor = keys.take("SOLVER.BIAS_LR_FACTOR", 1.0, "optimizer.rates")
    rates.append(Rate("*.bias", rate=factor))
    heads = keys.take("SOLVER.HEADS_LR_FACTOR", 1.0, "optimizer.rates")
    rates += [Rate(f"{part}*", rate=heads) for part in ("pooling", "projection", "neck")]
    rates.append(Rate("classifier*", rate=heads))
    return Optimizer(
        rule,  # type: ignore[arg-type]
        rate=rate,
        weight_decay=decay,
        momentum=momentum,
        decays="matrices" if spared else "all",
        rates=tuple(rate for rate in rates if (rate.rate, rate.weight_decay) != (1, 1)),
    )


def _computation(keys: Keys) -> Computation:
    mixed = keys.take("SOLVER.AMP.ENABLED", False, "computation.precision")
    norm = keys.values.get("MODEL.BACKBONE.NORM", "BN")
    return Computation(precision="auto" if mixed else "float32", sync_batch_norm=norm == "syncBN")
