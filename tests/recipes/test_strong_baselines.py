"""BoT, AGW and SBS: FastReID's networks in eval mode, and SBS's frozen start."""

from dataclasses import replace

import pytest
import torch

from passerby.config import open_recipe
from passerby.models.system import build_model
from passerby.registry import RECIPES
from passerby.training.step.optimizer import matches, rate_factor
from passerby.weights.families.fastreid import fastreid
from tests.models.systems.test_pcb import randomised

NON_LOCAL = ("MODEL.BACKBONE.WITH_NL", True)
# What FastReID's configurations set beside BoT's.
SETTINGS = {
    "bot": (),
    "agw": (*NON_LOCAL, "MODEL.HEADS.POOL_LAYER", "GeneralizedMeanPooling"),
    "sbs": (*NON_LOCAL, "MODEL.HEADS.POOL_LAYER", "GeneralizedMeanPoolingP"),
    "sbs_ibn": (
        *NON_LOCAL,
        "MODEL.HEADS.POOL_LAYER",
        "GeneralizedMeanPoolingP",
        "MODEL.BACKBONE.WITH_IBN",
        True,
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SETTINGS)
@torch.no_grad()
def test_fastreid_gives_the_same(name, peer_code):
    config = peer_code("fast-reid", "fastreid.config").get_cfg()
    shared = ["MODEL.DEVICE", "cpu", "MODEL.HEADS.NUM_CLASSES", 5, "MODEL.HEADS.WITH_BNNECK", True]
    config.merge_from_list([*shared, *SETTINGS[name]])
    torch.manual_seed(0)
    theirs = peer_code("fast-reid", "fastreid.modeling").build_model(config)
    theirs = randomised(theirs)
    for module in theirs.modules():
        if type(module).__name__ == "Non_local":  # begins as the identity
            torch.nn.init.constant_(module.W[1].weight, 0.1)
    theirs.pixel_mean.zero_()
    theirs.pixel_std.fill_(1)
    converted = fastreid(theirs.state_dict(), None)
    # Its ResNets' first maximum has no margin at the left and top, and a ReLU before it.
    stem = ["network.backbone.ceil_pool=true", "network.backbone.stem_relu=true"]
    recipe = open_recipe(name, stem)
    ours = build_model(replace(recipe.network, start="none"), persons=0).eval()
    state = converted.state
    if name == "agw":  # whose power is fixed, at 3, and not in the file
        assert ours.pooling.power.item() == 3
        state = state | {"pooling.power": ours.pooling.power}
    ours.load_state_dict(state)
    images = torch.nn.functional.interpolate(torch.randn(3, 3, 4, 2), (64, 32))
    expected = theirs(images.clone())
    scale = expected.abs().max()
    assert scale.isfinite()
    assert expected.std(dim=0).max() > 1e-3 * scale
    torch.testing.assert_close(ours(images).embedding / scale, expected / scale, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("data", "frozen"), [("market1501", 5), ("dukemtmc", 4), ("msmt17", 2)])
def test_sbs_warms_up_over_twice_the_frozen_epochs(data, frozen):
    recipe = RECIPES.build(f"sbs(data={data})")
    head, whole, cosine = recipe.phases
    rise = head.schedule[0]
    assert (head.epochs, whole.epochs, cosine.epochs) == (frozen, 30 - frozen, 30)
    assert rate_factor(0, head.epochs, rise) == pytest.approx(0.1)
    end = rate_factor(frozen, frozen, rise)
    (risen,) = whole.schedule
    assert rate_factor(0, whole.epochs, risen) == pytest.approx(end)
    assert rate_factor(frozen, whole.epochs, risen) == 1
    assert rate_factor(frozen - 1, whole.epochs, risen) < 1
    assert recipe.optimizer.rate * rate_factor(30, 30, recipe.schedule) == pytest.approx(7e-7)
    assert rate_factor(0, 30, recipe.schedule) == 1


def test_sbs_begins_with_all_but_the_backbone():
    recipe = RECIPES.build("sbs(scale=paper)")
    with torch.device("meta"):
        system = build_model(replace(recipe.network, start="none"), persons=5)
    for name, parameter in system.named_parameters():
        assert matches(name, recipe.phases[0].trains) == (not name.startswith("backbone.")), name
        assert parameter.requires_grad or name == "neck.bias"
    assert recipe.phases[1].trains == recipe.phases[2].trains == ("*",)
