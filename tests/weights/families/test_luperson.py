"""LUPerson's weights: its own MoCo on random ones, and its MGN's names on ours."""

import pytest
import torch
from torch import nn

from passerby.config import Network
from passerby.models.checkpoint import load_model, read_card
from passerby.models.convert import convert_weights
from passerby.models.system import build_model
from passerby.weights.families.fastreid import fastreid
from passerby.weights.families.luperson import luperson


@pytest.mark.filterwarnings("ignore")
def test_against_lupersons_moco(peer_code, randomised, check_exact):
    models = pytest.importorskip("torchvision.models", reason="torchvision is not installed")
    moco = peer_code("LUPerson/lup_moco", "libs.moco_builder").MoCo(
        models.resnet50, dim=128, K=64, mlp=True
    )
    encoder = moco.encoder_q
    projection, encoder.fc = encoder.fc, nn.Identity()
    randomised(encoder, (256, 128))
    state = {f"module.{name}": tensor for name, tensor in moco.state_dict().items()}
    for name, tensor in projection.state_dict().items():
        state[f"module.encoder_q.fc.{name}"] = tensor
    content = {"epoch": 200, "arch": "resnet50", "state_dict": state, "optimizer": {}}
    done = check_exact(content, encoder, (256, 128))
    assert (done.family, done.architecture) == ("luperson", "resnet50")
    assert {name.partition(".")[0] for name in done.dropped} == {
        "encoder_q",
        "encoder_k",
        "queue",
        "queue_ptr",
    }
    assert read_card(done.out).recipe.input.mean == (0.3525, 0.3106, 0.3140)


HEADS = {
    "global_1": "b1",
    "global_2": "b2",
    "global_3": "b3",
    "half_1": "b21",
    "half_2": "b22",
    "third_1": "b31",
    "third_2": "b32",
    "third_3": "b33",
}


def published():
    """Our MGN with a norm behind each branch, by the names of its authors' FastReID."""
    torch.manual_seed(0)
    system = "mgn(norm=true, global_stride=1, relu=false, pooling=gem)"
    ours = build_model(Network("resnet18(last_stride=1, ceil_pool=true)", system=system), persons=0)
    state = {
        "pixel_mean": torch.tensor([89.896, 79.2, 80.073]).view(1, 3, 1, 1),
        "pixel_std": torch.tensor([63.872, 64.305, 63.839]).view(1, 3, 1, 1),
    }
    for name, tensor in ours.state_dict().items():
        kind, first, rest = name.split(".", 2)
        if kind == "stem":
            state[f"backbone.{first}.{rest}"] = tensor
        elif kind == "norms":
            state[f"heads_extra_bn_b{int(first) + 1}.{rest}"] = tensor
        elif kind == "branches":  # of ResNet-18: one block of layer3, two of layer4
            block, _, within = rest.partition(".")
            place = "0.0" if block == "0" else f"1.{int(block) - 1}"
            state[f"b{int(first) + 1}.{place}.{within}"] = tensor
        elif kind == "pooling":
            state[f"{HEADS[first]}_head.pool_layer.p"] = tensor
        else:
            spread = tensor[:, :, None, None] if rest == "0.weight" else tensor
            state[f"{HEADS[first]}_head.bottleneck.{rest}"] = spread
    return state, ours


@torch.no_grad()
def test_mgn_has_a_norm_behind_each_branch(tmp_path):
    state, ours = published()
    for norm in ours.norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    assert fastreid(state, None) is None
    torch.save({"model": state | {"b1_head.classifier.weight": torch.ones(3, 256)}}, tmp_path / "a")
    done = convert_weights(tmp_path / "a", tmp_path / "model")
    assert (done.family, done.architecture) == ("luperson", "mgn")
    assert done.dropped == ("pixel_mean", "pixel_std", "b1_head.classifier.weight")
    model, card = load_model(tmp_path / "model")
    assert card.recipe.input.mean[0] == pytest.approx(89.896 / 255)
    images = torch.randn(2, 3, 96, 32)
    expected = ours.eval()(images).embedding
    torch.testing.assert_close(model(images).embedding, expected, rtol=0, atol=1e-5)
    ours.norms[2].bias += 1
    assert not torch.allclose(ours(images).embedding, expected, atol=1e-3)


def test_foreign_ones_are_not_its_own_and_slips_are_named():
    assert luperson({"conv1.weight": torch.zeros(1)}, None) is None
    state, _ = published()
    with pytest.raises(ValueError, match=r"resnet50: the luperson weights .* are mgn's"):
        luperson(state, "resnet50")
