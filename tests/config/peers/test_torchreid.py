"""Configurations of torchreid as recipes: small ones of ours, and its own where it is at hand."""

import os
from pathlib import Path

import pytest
import torch

from passerby.config import open_recipe
from passerby.config.peers.converting import convert_config
from passerby.models.system import build_model
from passerby.recipes.osnet import osnet
from passerby.training.step.optimizer import rate_factor

OSNET = """
model: {name: osnet_ain_x0_25, pretrained: True}
data:
  sources: [market1501, msmt17]
  height: 256
  transforms: [random_erase, random_flip, color_jitter, random_crop]
  save_dir: log
loss: {name: triplet, triplet: {weight_x: 0.5, margin: 0.2}}
sampler: {train_sampler: RandomIdentitySampler}
train: {optim: amsgrad, lr: 0.0015, max_epoch: 150, batch_size: 64, fixbase_epoch: 10,
        lr_scheduler: single_step, stepsize: [60], staged_lr: True}
test: {dist_metric: cosine, nothing: 1}
"""


def test_each_key_is_told(tmp_path: Path) -> None:
    file = tmp_path / "ain.yaml"
    file.write_text(OSNET)
    found = convert_config(file)
    recipe = found.recipe
    told = [*found.translated, *found.lost, *found.unknown]
    assert len(told) == len(set(told)) == 20
    assert sorted(found.lost) == ["data.transforms", "train.optim"]
    assert list(found.unknown) == ["test.nothing"]
    assert found.data == ("market1501=ROOT", "msmt17=ROOT")
    assert recipe.network.backbone == "osnet(width=0.25, variant=ain)"
    # In torchreid's order, whatever the order of the list.
    assert [call.partition("(")[0] for call in recipe.augmentations] == [
        "flip", "colour_jitter", "erase",
    ]  # fmt: skip
    assert [(term.loss, term.weight) for term in recipe.losses] == [
        ("triplet(margin=0.2)", 1.0),
        ("cross_entropy(label_smoothing=0.1)", 0.5),
    ]
    assert recipe.optimizer.rates[0].rate == 0.1
    assert [phase.epochs for phase in recipe.phases] == [10, 140]
    assert recipe.schedule.steps == (50, 110)
    recipe_file = tmp_path / "ain.json"
    recipe_file.write_text(recipe.to_json())
    network = open_recipe(str(recipe_file), ["network.start=none"]).network
    model = build_model(network, persons=4).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 256, 128)).embedding.shape == (1, 512)


@pytest.mark.parametrize("scheduler", ["single_step", "multi_step", "cosine"])
def test_rates_are_torchs(tmp_path: Path, scheduler: str) -> None:
    file = tmp_path / "a.yaml"
    steps = [3, 8]
    file.write_text(f"train: {{lr_scheduler: {scheduler}, stepsize: {steps}, max_epoch: 20}}")
    recipe = convert_config(file).recipe
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    theirs: torch.optim.lr_scheduler.LRScheduler = {
        "single_step": lambda: torch.optim.lr_scheduler.StepLR(optimizer, steps[-1], 0.1),
        "multi_step": lambda: torch.optim.lr_scheduler.MultiStepLR(optimizer, steps, 0.1),
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20.0),
    }[scheduler]()
    for epoch in range(20):
        ours = rate_factor(epoch + 0.5, 20, recipe.schedule)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {name: mlfn}", "--set network.backbone="),
        ("data: {type: video}", "tracklets"),
        ("train: {stepsize: [a]}", "train.stepsize: expected whole numbers"),
        ("train: {fixbase_epoch: 60}", "60 epochs are all of 60"),
        ("data: {height: tall}", "data.height: expected a whole number, got 'tall'"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        convert_config(file)


PEERS = Path(os.environ.get("PASSERBY_PEERS", "/nowhere")) / "deep-person-reid" / "configs"


@pytest.mark.skipif(not PEERS.is_dir(), reason="no deep-person-reid below $PASSERBY_PEERS")
def test_its_own_configurations() -> None:
    """All keys of them are known, and its OSNet is the recipe that was written by hand."""
    files = sorted(PEERS.glob("*.yaml"))
    converted = {file.stem: convert_config(file) for file in files}
    assert len(converted) == 9
    assert all(found.unknown == {} for found in converted.values())
    theirs = converted["im_osnet_x1_0_softmax_256x128_amsgrad"].recipe
    ours = osnet()
    assert theirs.network == ours.network
    assert theirs.losses == ours.losses
    assert theirs.optimizer == ours.optimizer
    assert theirs.schedule.steps == ours.schedule.steps
    assert [phase.epochs for phase in theirs.phases] == [phase.epochs for phase in ours.phases]
