"""A configuration of torchreid (yacs, ``model``, ``data``, ``train``, ...) as a recipe.

Keys and defaults are those of its scripts/default_config.py; what they do was read in its code.
"""

from __future__ import annotations

import re

from passerby.config.peers.keys import Keys, choice, numbers, short
from passerby.config.recipe import Recipe
from passerby.config.sections import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Input,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Rate,
    Sampling,
    Schedule,
)

NAME = "torchreid"

_DATASETS = {"market1501": "market1501", "dukemtmcreid": "dukemtmc", "msmt17": "msmt17"}
_FC512 = "linear_norm_relu(width=512)"
_OSNET = re.compile(r"osnet(?:_(ibn|ain))?_x(0_25|0_5|0_75|1_0)")
_NETWORKS = {
    **{f"resnet{n}": Network(f"resnet{n}(last_stride=2)", neck="none") for n in (18, 34, 50, 101)},
    "resnet50_fc512": Network("resnet50(last_stride=1)", projection=_FC512, neck="none"),
    "resnet50_ibn_a": Network("resnet50(last_stride=2, ibn=true)", neck="none"),
    "pcb_p4": Network("resnet50(last_stride=1)", system="pcb(stripes=4, width=256)"),
    "pcb_p6": Network("resnet50(last_stride=1)", system="pcb(stripes=6, width=256)"),
    "hacnn": Network(system="hacnn"),
}
# torchreid's names of layers to those of ours.
_LAYERS = {"classifier": "classifier*", "fc": "projection*"}
_AUGMENTATIONS = {
    "random_flip": "flip",
    "color_jitter": "colour_jitter(brightness=0.2, contrast=0.15)",
    "random_erase": "erase(probability=0.5)",
}
_WITHOUT = {
    "data.split_id": "data sets here have one split",
    "data.k_tfm": "an image comes once in a batch",
    "data.load_train_targets": "images of the test's cameras: passerby adapt MODEL --unlabelled",
    "data.combineall": "nothing is trained on what is tested",
    "market1501": "Market-1501's further distractors belong into bounding_box_test",
    "cuhk03": "CUHK03 is read in its new protocol, as market1501",
    "sampler.train_sampler_t": "images of the test's cameras are not trained on",
    "sampler.num_cams": "sampling.cameras=balanced spreads a person's images",
    "sampler.num_datasets": "sampling.sources says how sets mix",
    "video": "tracklets are pooled when they are evaluated: pool_tracklets",
    "train.start_epoch": "passerby train --resume knows it",
    "train.print_freq": "a line an epoch",
    "sgd.dampening": "there is none",
    "rmsprop": "there is no RMSprop",
    "adam": "beta1 and beta2 are 0.9 and 0.999",
    "model.load_weights": "passerby convert FILE, then network.start=FOLDER",
    "model.resume": "passerby convert FILE, then network.start=FOLDER",
    "test.eval_freq": "a test part is scored once; validation_persons choose the epoch",
    "test.start_eval": "a test part is scored once; validation_persons choose the epoch",
    "test.visrank_topk": "passerby rank shows ten",
}
_ELSEWHERE = {
    "data.type": "images",
    "data.root": "passerby train --data",
    "data.targets": "passerby evaluate MODEL --data",
    "data.workers": "passerby train --workers",
    "data.save_dir": "passerby train --out",
    "train.seed": "passerby train --seed",
    "test.batch_size": "chosen by the memory",
    "test.dist_metric": "passerby evaluate --metric",
    "test.normalize_feature": "passerby evaluate --metric cosine",
    "test.ranks": "passerby evaluate --json has all ranks",
    "test.evaluate": "passerby evaluate",
    "test.rerank": "passerby evaluate --rerank",
    "test.visrank": "passerby rank",
    "use_gpu": "passerby train --device",
}


def is_torchreid(keys: Keys) -> bool:
    """Whether the keys are torchreid's: small letters."""
    return any(key.startswith(("model.", "data.", "train.")) for key in keys.values)


def recipe_of(keys: Keys, name: str, images: int | None) -> tuple[Recipe, tuple[str, ...]]:
    """(The recipe, what ``--data`` takes); images: not asked for, epochs are counted.

    Raises:
        ValueError: for a value of another type or out of bounds, and for video.
    """
    if keys.take("data.type", "image") != "image":
        raise ValueError("data.type: networks of tracklets are not trained here, only of images")
    network = _network(keys)
    epochs = keys.take("train.max_epoch", 60, "epochs")
    schedule, phases = _stages(keys, epochs, network)
    recipe = Recipe(
        name,
        epochs=epochs,
        input=_input(keys),
        network=network,
        augmentations=_augmentations(keys),
        sampling=_sampling(keys),
        losses=_losses(keys),
        optimizer=_optimizer(keys),
        schedule=schedule,
        phases=phases,
    )
    data = _data(keys)
    for key, text in _ELSEWHERE.items():
        keys.became(key, text)
    keys.lose_all(_WITHOUT)
    return recipe, data


def _data(keys: Keys) -> tuple[str, ...]:
    named = keys.take("data.sources", ["market1501"], "passerby train --data")
    return tuple(f"{_DATASETS[one]}=ROOT" if one in _DATASETS else "ROOT" for one in named)


def _network(keys: Keys) -> Network:
    name = keys.take("model.name", "resnet50", "network")
    start = "imagenet" if keys.take("model.pretrained", True, "network.start") else "none"
    found = _OSNET.fullmatch(name)
    if found is not None:
        width = float(found[2].replace("_", "."))
        backbone = f"osnet(width={width}, variant={found[1] or 'plain'})"
        return Network(backbone, start, projection=_FC512, neck="none")
    if name not in _NETWORKS:
        keys.need("model.name", "network.backbone", f"there is no {short(name)} here")
        return Network(start=start, neck="none")
    network = _NETWORKS[name]
    if network.system == "hacnn":
        keys.lose("model.pretrained", "there are no ImageNet weights of HA-CNN")
        return network
    return Network(
        network.backbone, start, projection=network.projection, neck=network.neck,
        system=network.system,
    )  # fmt: skip


def _input(keys: Keys) -> Input:
    mean, std = (
        numbers(f"data.{key}", keys.take(f"data.{key}", list(usual), f"input.{ours}"), 3)
        for key, usual, ours in (
            ("norm_mean", IMAGENET_MEAN, "mean"),
            ("norm_std", IMAGENET_STD, "std"),
        )
    )
    return Input(
        height=keys.take("data.height", 256, "input.height"),
        width=keys.take("data.width", 128, "input.width"),
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
    )


def _augmentations(keys: Keys) -> tuple[str, ...]:
    named = keys.take("data.transforms", ["random_flip"], "augmentations")
    missing = [name for name in named if name not in _AUGMENTATIONS]
    if missing:
        keys.lose("data.transforms", f"there is no {', '.join(map(str, missing))} here")
        keys.notes.append(f"without {', '.join(map(str, missing))}")
    return tuple(ours for name, ours in _AUGMENTATIONS.items() if name in named)


def _sampling(keys: Keys) -> Sampling:
    batch = keys.take("train.batch_size", 32, "sampling.persons × sampling.images")
    images = max(keys.take("sampler.num_instances", 4, "sampling.images"), 1)
    if keys.take("sampler.train_sampler", "RandomSampler", "P × K batches") != (
        "RandomIdentitySampler"
    ):
        keys.lose("sampler.train_sampler", "all batches are P × K here")
        keys.notes.append(f"{batch // images} persons × {images} images a batch, in place of any")
    return Sampling(persons=batch // images, images=images)


def _losses(keys: Keys) -> tuple[LossTerm, ...]:
    smooth = keys.take("loss.softmax.label_smooth", True, "losses.cross_entropy.label_smoothing")
    entropy = f"cross_entropy(label_smoothing={0.1 if smooth else 0:g})"
    known = {"softmax": "softmax", "triplet": "triplet"}
    triplet = choice(keys, "loss.name", "softmax", known, "losses") == "triplet"
    margin, weight, other = (
        keys.take(f"loss.triplet.{key}", usual, f"losses.{ours}")
        for key, usual, ours in (
            ("margin", 0.3, "triplet.margin"),
            ("weight_t", 1.0, "triplet.weight"),
            ("weight_x", 0.0, "cross_entropy.weight"),
        )
    )
    if not triplet:
        for key in ("margin", "weight_t", "weight_x"):
            keys.became(f"loss.triplet.{key}", "of the triplet loss, which is not taken")
        return (LossTerm(entropy),)
    terms = LossTerm(f"triplet(margin={margin:g})", weight), LossTerm(entropy, other)
    return tuple(term for term in terms if term.weight)


def _optimizer(keys: Keys) -> Optimizer:
    rule = keys.take("train.optim", "adam", "optimizer.name")
    if rule not in ("adam", "sgd"):
        keys.lose("train.optim", f"there is no {short(rule)} here; optimizer.name is adam")
        keys.notes.append(f"Adam in place of {short(rule)}")
    if not keys.take("sgd.nesterov", False, "as SGD is here") and rule == "sgd":
        keys.lose("sgd.nesterov", "SGD with momentum is Nesterov's")
        keys.notes.append("momentum is Nesterov's here")
    staged = keys.take("train.staged_lr", False, "optimizer.rates")
    lower = keys.take("train.base_lr_mult", 0.1, "optimizer.rates")
    keys.became("train.new_layers", "optimizer.rates: all but the backbone")
    return Optimizer(
        "sgd" if rule == "sgd" else "adam",
        rate=keys.take("train.lr", 3e-4, "optimizer.rate"),
        weight_decay=keys.take("train.weight_decay", 5e-4, "optimizer.weight_decay"),
        momentum=keys.take("sgd.momentum", 0.9, "optimizer.momentum"),
        rates=(Rate("backbone.*", lower),) if staged else (),
    )


def _stages(keys: Keys, epochs: int, network: Network) -> tuple[Schedule, tuple[Phase, ...]]:
    """(The schedule, phases where new layers train alone first)."""
    alone = keys.take("train.fixbase_epoch", 0, "phases")
    layers = keys.take("train.open_layers", ["classifier"], "phases")
    schedule = _schedule(keys, epochs, alone)
    if not alone:
        return schedule, ()
    if alone >= epochs:
        raise ValueError(f"train.fixbase_epoch: {alone} epochs are all of {epochs}")
    missing = [layer for layer in layers if layer not in _LAYERS]
    if missing:
        keys.lose("train.open_layers", f"there is no layer {', '.join(map(str, missing))} here")
    trains = ["classifier*"]
    if network.projection != "none":
        trains.append("projection*")
        keys.notes.append("the layer behind the pooling begins anew and trains from the beginning")
    head = Phase("head", alone, tuple(trains), schedule=(Schedule("constant", warm_up=0),))
    return schedule, (head, Phase("whole", epochs - alone))


def _schedule(keys: Keys, epochs: int, alone: int) -> Schedule:
    """From the end of the epochs in which new layers train alone."""
    known = {"single_step": "step", "multi_step": "step", "cosine": "cosine"}
    kind = choice(keys, "train.lr_scheduler", "single_step", known, "schedule.kind")
    given = keys.take("train.stepsize", [20], "schedule.steps")
    factor = keys.take("train.gamma", 0.1, "schedule.factor")
    if kind == "cosine":
        for key in ("stepsize", "gamma"):
            keys.became(f"train.{key}", "of the steps, which are not taken")
        if alone:
            keys.notes.append(f"the cosine begins at epoch {alone}, torchreid's at 0")
        return Schedule("cosine", warm_up=0, changes="epoch")
    steps = [step for step in given if type(step) is int and step > 0]
    if len(steps) != len(given) or not steps:
        raise ValueError(f"train.stepsize: expected whole numbers above 0, got {short(given)}")
    if keys.values.get("train.lr_scheduler", "single_step") == "single_step":
        steps = [*range(steps[-1], epochs, steps[-1])]  # every so many epochs
    later = tuple(step - alone for step in steps if step > alone)
    return Schedule("step", warm_up=0, steps=later, factor=factor, changes="epoch")
