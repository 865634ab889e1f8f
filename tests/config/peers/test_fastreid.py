"""Configurations of FastReID as recipes: small ones of ours, and its own where it is at hand."""

import os
from pathlib import Path

import pytest
import torch

from passerby.config import Recipe, open_recipe
from passerby.config.peers.converting import convert_config
from passerby.models.system import build_model
from passerby.recipes.sbs import sbs
from passerby.registry import AUGMENTATIONS, LOSSES
from passerby.training.step.optimizer import rate_factor

SMALL = """
MODEL:
  BACKBONE: {DEPTH: 18x, WITH_IBN: True, PRETRAIN: False}
  HEADS: {WITH_BNNECK: True, POOL_LAYER: GeneralizedMeanPoolingP, EMBEDDING_DIM: 32,
          CLS_LAYER: ArcSoftmax, SCALE: 30, MARGIN: 0.2}
  LOSSES:
    NAME: ("CrossEntropyLoss", "TripletLoss")
    CE: {EPSILON: 0.1, SCALE: 2.}
    TRI: {MARGIN: 0.0, HARD_MINING: False, SCALE: 0.5}
INPUT:
  SIZE_TRAIN: [64, 32]
  SIZE_TEST: [64, 32]
  FLIP: {ENABLED: True}
  CJ: {ENABLED: True, PROB: 0.8}
  RPT: {ENABLED: True}
DATASETS:
  NAMES: ("Market1501",)
SOLVER:
  OPT: SGD
  MAX_EPOCH: 20
  BASE_LR: 1e-2
  WEIGHT_DECAY_BIAS: 0.
  IMS_PER_BATCH: 32
  STEPS: [5, 10]
  WARMUP_ITERS: 2020
  HOLIDAYS: 3
TEST: {FLIP: {ENABLED: True}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.yml"
    file.write_text(SMALL)
    return file


def test_each_key_is_told(small: Path) -> None:
    found = convert_config(small)
    told = [*found.translated, *found.lost, *found.unknown]
    assert len(told) == len(set(told)) == 31
    assert list(found.unknown) == ["SOLVER.HOLIDAYS"]
    assert sorted(found.lost) == ["INPUT.RPT.ENABLED"]
    assert "INPUT.RPT.ENABLED = True: there is no such augmentation" in found.recipe.origins
    assert "SOLVER.HOLIDAYS is not known" in found.recipe.origins
    assert found.data == ("market1501=ROOT",)


def test_it_is_what_it_says(small: Path) -> None:
    recipe = convert_config(small).recipe
    network = recipe.network
    assert network.backbone == "resnet18(last_stride=1, ibn=true, ceil_pool=true)"
    assert network.pooling == "gem(power=3.0)"
    assert network.classifier == "arcface(scale=30, margin=0.2)"
    assert network.projection == "linear(width=32, bias=false)"
    assert recipe.augmentations[0] == "flip(probability=0.5)"
    assert "probability=0.8" in recipe.augmentations[1]
    assert [term.weight for term in recipe.losses] == [2.0, 0.5]
    assert recipe.losses[1].loss == "weighted_triplet(epsilon=1e-6)"
    assert (recipe.sampling.persons, recipe.sampling.images) == (8, 4)
    assert recipe.optimizer.name == "sgd"
    assert recipe.optimizer.rate == 0.01
    assert [rate.weight_decay for rate in recipe.optimizer.rates] == [0.0]
    # 12,936 // 32 = 404 steps an epoch; its scheduler counts from the fifth epoch on.
    assert recipe.schedule.warm_up == 5
    assert recipe.schedule.steps == (10, 15)


def test_train_takes_it(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.json"
    out.write_text(convert_config(small).recipe.to_json())
    recipe = open_recipe(str(out))
    for call in recipe.augmentations:
        AUGMENTATIONS.build(call)
    for term in recipe.losses:
        LOSSES.build(term.loss)
    model = build_model(recipe.network, persons=4).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 32)).embedding.shape == (1, 32)


def rates_of_theirs(kind: str, epochs: int, steps: int, warm: int, delay: int) -> list[float]:
    """The rate as each epoch begins, by torch's schedulers in the order of FastReID's hooks."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], 1.0)
    later: torch.optim.lr_scheduler.LRScheduler
    if kind == "MultiStepLR":
        later = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5, 10], 0.1)
    else:
        last = epochs - max(-(-warm // steps), delay)
        later = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, last, 1e-3)
    rising = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: 1.0 if n >= warm else 0.1 + 0.9 * n / warm
    )
    found = []
    for epoch in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        for step in range(epoch * steps, (epoch + 1) * steps):
            optimizer.step()
            if step + 1 <= warm:
                rising.step()
        if (epoch + 1) * steps > warm and epoch + 1 > delay:
            later.step()
    return found


def rates_of_ours(recipe: Recipe) -> list[float]:
    stages = [(phase.epochs, (*phase.schedule, recipe.schedule)[0]) for phase in recipe.phases]
    return [
        rate_factor(epoch, epochs, schedule)
        for epochs, schedule in stages or [(recipe.epochs, recipe.schedule)]
        for epoch in range(epochs)
    ]


@pytest.mark.parametrize("kind", ["MultiStepLR", "CosineAnnealingLR"])
@pytest.mark.parametrize("delay", [0, 8])
@pytest.mark.parametrize("frozen", [0, 20])
def test_rates_are_theirs(tmp_path: Path, kind: str, delay: int, frozen: int) -> None:
    file = tmp_path / "rates.yml"
    file.write_text(
        f"SOLVER: {{SCHED: {kind}, STEPS: [5, 10], MAX_EPOCH: 20, WARMUP_ITERS: 40, "
        f"DELAY_EPOCHS: {delay}, ETA_MIN_LR: 1e-3, BASE_LR: 1.0, FREEZE_ITERS: {frozen}}}\n"
        "MODEL: {FREEZE_LAYERS: [backbone]}\n"
    )
    recipe = convert_config(file, images=640).recipe  # ten steps of 64 an epoch
    assert [phase.name for phase in recipe.phases][:1] == ["head"] * (frozen > 0) or not frozen
    assert rates_of_ours(recipe) == pytest.approx(rates_of_theirs(kind, 20, 10, 40, delay))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MODEL: {BACKBONE: {NAME: build_resnest_backbone}}", "--set network.backbone="),
        ("MODEL: {META_ARCHITECTURE: Distiller}", "--set network.system="),
        ("MODEL: {LOSSES: {NAME: [FocalLoss]}}", "no recipe"),
        ("DATASETS: {NAMES: [Own]}", "--images"),
        ("SOLVER: {BASE_LR: fast}", "SOLVER.BASE_LR: expected a number, got 'fast'"),
        ("SOLVER: {BASE_LR: .inf}", "SOLVER.BASE_LR: expected a number"),
        ("SOLVER: {MAX_EPOCH: -1}", "epochs must be at least 1"),
        ("MODEL: {LOSSES: {NAME: [[a]]}}", "expected a list of words"),
        ("SOLVER: {OPTIMIZER_NAME: Adam}", "bag of tricks"),
        ("nothing: 1", "neither FastReID's nor torchreid's"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.yml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        convert_config(file)


def test_a_network_that_is_not_here_can_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_text("MODEL: {BACKBONE: {NAME: build_resnest_backbone}}")
    found = convert_config(file, settings=["network.backbone=resnet34"])
    assert found.recipe.network.backbone == "resnet34"
    assert "MODEL.BACKBONE.NAME" in found.lost


def test_mgn(tmp_path: Path) -> None:
    file = tmp_path / "mgn.yml"
    file.write_text(
        "MODEL:\n  META_ARCHITECTURE: MGN\n  BACKBONE: {DEPTH: 18x}\n"
        "  HEADS: {EMBEDDING_DIM: 16, POOL_LAYER: GeneralizedMeanPoolingP}\n"
        "  FREEZE_LAYERS: [backbone, b1, b2, b3]\n"
        "  LOSSES: {NAME: [CrossEntropyLoss, TripletLoss], TRI: {HARD_MINING: True}}\n"
        "SOLVER: {FREEZE_ITERS: 1000}\n"
    )
    recipe = convert_config(file).recipe
    names = [name for name, _ in build_model(recipe.network, persons=2).named_parameters()]
    for pattern in recipe.phases[0].trains:
        assert any(name.startswith(pattern.rstrip("*")) for name in names), pattern
    assert recipe.losses[1].parts == "global*"


PEERS = Path(os.environ.get("PASSERBY_PEERS", "/nowhere")) / "fast-reid" / "configs"


@pytest.mark.skipif(not PEERS.is_dir(), reason="no checkout of fast-reid below $PASSERBY_PEERS")
def test_its_own_configurations() -> None:
    """All keys of them are known, and its SBS is the recipe that was written by hand."""
    files = sorted(PEERS.rglob("*.yml"))
    absent = [file for file in files if "_S50" in file.name or "vit" in file.name]
    for file in absent:
        with pytest.raises(ValueError, match=r"no build_(resnest|vit)_backbone"):
            convert_config(file, images=10_000)
    converted = [convert_config(file, images=10_000) for file in files if file not in absent]
    assert len(converted) >= 35
    assert all(found.unknown == {} for found in converted)
    ours, theirs = sbs(), convert_config(PEERS / "Market1501" / "sbs_R50.yml").recipe
    assert theirs.sampling == ours.sampling
    assert theirs.losses == ours.losses
    assert theirs.optimizer == ours.optimizer
    assert theirs.input == ours.input
    assert [phase.epochs for phase in theirs.phases] == [phase.epochs for phase in ours.phases]
    assert rates_of_ours(theirs)[:30] == pytest.approx(rates_of_ours(ours)[:30], abs=0.01)
