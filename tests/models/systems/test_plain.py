"""The whole network: Features, the rows of the paper's Table 1, heads."""

import pytest
import torch

from passerby.config import Network
from passerby.models.attention import Attention
from passerby.models.attention.eca import kernel_size
from passerby.models.features import Part
from passerby.models.systems.plain import Plain

RESNET50 = 23_508_032  # torchvision's without the classifier
WIDTHS = [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 3  # of the 16 bottlenecks
HEAD = 2 * 2048 + 751 * 2048  # batch norm, class weights

# row of Table 1: network, modules placed, parameters added by attention
TABLE_1 = {
    "baseline": (Network(), 0, 0),
    "+ SE": (
        Network(attention="se"),
        16,
        sum(2 * c * c // 16 + c // 16 + c for c in WIDTHS),
    ),
    "+ DANet": (
        Network(attention="danet"),
        1,
        2 * (2048 * 256 + 256) + 2048 * 2048 + 2048 + 2,
    ),
    "+ Non-local": (
        Network(attention="non_local"),
        5,
        sum(4 * c * c // 2 + 3 * c // 2 + c + 2 * c for c in [512] * 2 + [1024] * 3),
    ),
    "+ ECA": (Network(attention="eca"), 16, sum(map(kernel_size, WIDTHS))),
    "+ Tri Cir": (Network(classifier="circle"), 0, 0),
    "ours": (
        Network(attention="cbam", classifier="circle"),
        16,
        sum(2 * c * c // 16 + 2 * 49 for c in WIDTHS),
    ),
}


@pytest.mark.parametrize("row", TABLE_1)
def test_rows_of_table_1(row):
    network, modules, added = TABLE_1[row]
    model = Plain(network, persons=751)
    features = model(torch.zeros(4, 3, 32, 32))
    assert sum(isinstance(module, Attention) for module in model.modules()) == modules
    assert sum(p.numel() for p in model.parameters()) == RESNET50 + added + HEAD
    assert model.dimensions == 2048
    assert features.embedding.shape == features.before_neck.shape == (4, 2048)
    (part,) = features.parts
    assert part.similarities.shape == (4, 751)
    assert part.logits(torch.zeros(4, dtype=torch.int64)).shape == (4, 751)
    with torch.device("meta"):  # shapes without the arithmetic
        maps = model.backbone.to("meta")(torch.zeros(4, 3, 256, 128))
    assert maps.shape == (4, 2048, 16, 8)


@pytest.fixture
def images():
    torch.manual_seed(2)
    return torch.randn(4, 3, 64, 32)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("neck", ["batch_norm", "none"])
@pytest.mark.parametrize("pooling", ["average", "max", "gem"])
def test_features_are_one_type_in_every_mode(training, neck, pooling, images):
    model = Plain(Network("resnet18", neck=neck, pooling=pooling), persons=3).train(training)
    features = model(images, cameras=torch.zeros(4))
    (part,) = features.parts
    assert part.name == "global"
    assert torch.equal(features.embedding, part.after_neck)
    assert torch.equal(features.before_neck, part.before_neck)
    assert torch.equal(features.before_neck, features.embedding) == (neck == "none")
    assert torch.equal(part.similarities, model.classifier(features.embedding))
    assert features.local is None


def test_before_neck_is_the_mean_of_the_maps(images):
    model = Plain(Network("resnet18"), persons=3).eval()
    torch.testing.assert_close(model(images).before_neck, model.backbone(images).mean(dim=(2, 3)))


def test_the_neck_normalises_and_its_bias_stays_zero(images):
    model = Plain(Network("resnet18"), persons=3).train()
    assert not model.neck.bias.requires_grad
    assert model.neck.bias.eq(0).all()
    embedding = model(images).embedding
    torch.testing.assert_close(embedding.mean(dim=0), torch.zeros(512), rtol=0, atol=1e-5)


def test_a_network_without_persons_has_no_classifier(images):
    model = Plain(Network("resnet18", classifier="circle"), persons=0)
    (part,) = model(images).parts
    assert part.similarities is None
    with pytest.raises(ValueError, match="part 'global' has no classifier"):
        part.logits(torch.zeros(4, dtype=torch.int64))


def test_every_parameter_gets_a_gradient(images):
    network = Network("resnet18", attention="cbam", classifier="circle", pooling="gem")
    model = Plain(network, persons=3).train()
    labels = torch.tensor([0, 0, 1, 2])
    (part,) = model(images).parts
    torch.nn.functional.cross_entropy(part.logits(labels), labels).backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_a_part_hands_its_own_similarities_to_its_classifier():
    class Doubling(torch.nn.Module):
        def logits(self, similarities, persons):
            return 2 * similarities + persons[:, None]

    part = Part("x", torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([[1.0, 3.0]]), Doubling())
    assert part.logits(torch.tensor([5])).tolist() == [[7.0, 11.0]]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Network("resnet51"),
            "no backbone is named 'resnet51'; did you mean 'resnet5?0|resnet101'",
        ),
        (Network(attention="cbm"), "no attention is named 'cbm'; did you mean 'cbam'"),
        (Network(pooling="mean"), "no pooling is named 'mean'"),
        (Network("resnet18", classifier="circel"), "no classifier is named 'circel'"),
        (Network("resnet18(last_stride=3)"), "last_stride must be 1 or 2, got 3"),
        (Network("resnet18(stride=1)"), "backbone 'resnet18' has no option 'stride'"),
        (Network("resnet18", attention="cbam(channels=3)"), "has no option 'channels'"),
    ],
)
def test_slips_are_named(network, message):
    with pytest.raises(ValueError, match=message), torch.device("meta"):
        Plain(network, persons=3)
