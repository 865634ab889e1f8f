"""ResNets: parameters, placement of attention, and the start from torchvision's weights."""

from dataclasses import replace
from urllib.error import URLError

import pytest
import torch
import torchvision
from torch import nn

from passerby.models.attention import Attention
from passerby.models.backbones.resnet import Basic, Bottleneck, InstanceBatchNorm, ResNet
from passerby.registry import BACKBONES
from passerby.weights.pull import PUBLISHED

PARAMETERS = {18: 11_176_512, 34: 21_284_672, 50: 23_508_032, 101: 42_500_160}
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
ATTENTIONS = ["none", "se", "eca", "non_local", "danet", "cbam", "cbam(spatial_batch_norm=true)"]


def build(depth, attention="none", start="none", last_stride=1):
    return BACKBONES.build(
        f"resnet{depth}(last_stride={last_stride})", start=start, attention=attention
    )


def blocks_of(network):
    return [m for m in network.modules() if isinstance(m, (Basic, Bottleneck))]


@pytest.mark.parametrize("depth", PARAMETERS)
@pytest.mark.parametrize(("last_stride", "height", "width"), [(1, 16, 8), (2, 8, 4)])
def test_parameters_and_shapes(depth, last_stride, height, width):
    with torch.device("meta"):
        network = build(depth, last_stride=last_stride)
        maps = network(torch.zeros(2, 3, 256, 128))
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[depth]
    assert maps.shape == (2, network.channels, height, width)
    assert network.channels == (512 if depth < 50 else 2048)
    assert len(blocks_of(network)) == sum(BLOCKS[depth])


@pytest.mark.parametrize("depth", PARAMETERS)
@pytest.mark.parametrize("attention", ["se", "eca", "cbam"])
def test_block_attention_stands_in_every_block(depth, attention):
    with torch.device("meta"):
        network = build(depth, attention)
        assert network(torch.zeros(2, 3, 64, 32)).shape == (2, network.channels, 4, 2)
    assert all(isinstance(block.attention, Attention) for block in blocks_of(network))
    assert sum(isinstance(m, Attention) for m in network.modules()) == sum(BLOCKS[depth])


@pytest.mark.parametrize(
    ("depth", "sites"),
    [
        (18, {"layer2": [1], "layer3": [1]}),
        (34, {"layer2": [1, 3], "layer3": [1, 3, 5]}),
        (50, {"layer2": [1, 3], "layer3": [1, 3, 5]}),
        (101, {"layer2": [1, 3], "layer3": [7, 15, 22]}),
    ],
)
def test_non_local_blocks_stand_after_blocks_of_layer2_and_layer3(depth, sites):
    with torch.device("meta"):
        network = build(depth, "non_local")
        assert network(torch.zeros(2, 3, 64, 32)).shape == (2, network.channels, 4, 2)
    names = [name for name, m in network.named_modules() if isinstance(m, Attention)]
    expected = [f"{stage}.{block}.1" for stage, places in sites.items() for block in places]
    assert names == expected


@pytest.mark.parametrize("depth", [18, 50])
def test_danet_stands_once_after_the_last_stage(depth):
    with torch.device("meta"):
        network = build(depth, "danet")
    assert [n for n, m in network.named_modules() if isinstance(m, Attention)] == ["attention"]
    assert network.attention.value.in_channels == network.channels


@pytest.mark.parametrize("depth", [18, 50])
def test_attention_is_on_the_branch_before_the_addition(depth):
    torch.manual_seed(0)
    network = build(depth, "se").eval()
    block = network.get_submodule("layer2.0")
    seen = {}
    for name in ("attention", "downsample"):
        block.get_submodule(name).register_forward_hook(
            lambda module, given, result, name=name: seen.update({name: (given[0], result)})
        )
    block.last_norm.register_forward_hook(lambda m, given, result: seen.update(norm=result.clone()))
    maps = torch.randn(1, {18: 64, 50: 256}[depth], 8, 4)
    result = block(maps)
    attended = seen["attention"]
    assert torch.equal(attended[0], seen["norm"])
    assert torch.equal(result, (attended[1] + block.downsample(maps)).relu())


@pytest.fixture(scope="module")
def pretrained():
    """torchvision networks by depth, with random weights and random batch norm statistics."""
    found = {}

    def make(depth):
        if depth not in found:
            torch.manual_seed(depth)
            network = getattr(torchvision.models, f"resnet{depth}")(weights=None)
            for module in network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    nn.init.uniform_(module.weight, 0.2, 1.0)
                    nn.init.normal_(module.bias, std=0.1)
                    nn.init.normal_(module.running_mean, std=0.1)
                    nn.init.uniform_(module.running_var, 0.5, 2.0)
            found[depth] = network
        return found[depth]

    return make


def features_of(network, images):
    maps = network.maxpool(network.relu(network.bn1(network.conv1(images))))
    return network.layer4(network.layer3(network.layer2(network.layer1(maps))))


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_first_features_are_the_pretrained_ones_bit_for_bit(depth, attention, pretrained):
    peer = pretrained(depth).eval()
    network = ResNet(depth, last_stride=2, attention=attention)
    network.load_imagenet(peer.state_dict())
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        expected = features_of(peer, images)
        assert expected.isfinite().all()
        assert expected.std() > 0
        assert torch.equal(network.eval()(images), expected)


@pytest.mark.parametrize("attention", ["se", "cbam(spatial_batch_norm=true)", "non_local"])
def test_they_are_also_in_training_mode(attention, pretrained):
    state = {k: v.clone() for k, v in pretrained(18).state_dict().items()}
    network = ResNet(18, last_stride=2, attention=attention)
    network.load_imagenet(state)
    plain = ResNet(18, last_stride=2, attention="none")
    plain.load_imagenet(state)
    images = torch.randn(4, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(network.train()(images), plain.train()(images))


@pytest.mark.parametrize("attention", ["se", "eca", "non_local", "danet", "cbam"])
def test_attention_learns_from_the_identity(attention, pretrained):
    network = ResNet(18, last_stride=2, attention=attention)
    network.load_imagenet(pretrained(18).state_dict())
    network.train()(torch.randn(4, 3, 64, 32)).square().mean().backward()
    for module in network.modules():
        if isinstance(module, Attention):
            gradients = [p.grad for p in module.parameters() if p.grad is not None]
            assert any(gradient.abs().sum() > 0 for gradient in gradients)


def test_without_a_start_attention_keeps_its_authors_initialisation():
    torch.manual_seed(0)
    network = build(18, "cbam")
    for block in blocks_of(network):
        assert block.attention.excite.weight.std() > 0
        assert block.last_norm.weight.eq(1).all()


def test_foreign_weights_are_refused(pretrained):
    state = dict(pretrained(18).state_dict())
    for attention in ("none", "se", "non_local"):
        network = ResNet(18, last_stride=1, attention=attention)
        missing = {k: v for k, v in state.items() if k != "layer2.1.bn1.weight"}
        with pytest.raises(ValueError, match=r"not the weights.*layer2\.1\..*bn1\.weight"):
            network.load_imagenet(missing)
        with pytest.raises(ValueError, match=r"not the weights.*head\.weight"):
            network.load_imagenet({**state, "head.weight": torch.zeros(1)})
        with pytest.raises(ValueError, match="not the weights of this ResNet"):
            network.load_imagenet({})
        with pytest.raises(ValueError, match="not the weights of this ResNet"):
            network.load_imagenet(dict(pretrained(50).state_dict()))


def test_offline_says_what_to_do(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(ValueError, match="could not be downloaded") as caught:
        build(18, start="imagenet")
    message = str(caught.value)
    assert "no route to host" in message
    assert "https://download.pytorch.org/models/resnet18" in message
    assert str(tmp_path / "checkpoints") in message
    assert "network.start=none" in message
    assert "efficientnet_lite0" in message


def test_a_broken_download_says_what_to_do(monkeypatch, tmp_path):
    """torchvision reports a wrong hash, as behind a login page, with RuntimeError."""

    def answer(*args, **kwargs):
        raise RuntimeError('invalid hash value (expected "f37072fd", got "e3b0c442")')

    monkeypatch.setattr(torch.hub, "download_url_to_file", answer)
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(ValueError, match=r"invalid hash value.*network\.start=none"):
        build(18, start="imagenet")


def test_imagenet_start_loads_what_torchvision_gives(monkeypatch, pretrained):
    state = pretrained(18).state_dict()
    kind = type(torchvision.models.ResNet18_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(kind, "get_state_dict", lambda self, **options: dict(state))
    network = build(18, "cbam", start="imagenet", last_stride=2).eval()
    images = torch.randn(1, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(network(images), features_of(pretrained(18).eval(), images))


@pytest.mark.parametrize("depth", [18, 50])
def test_ibn_stands_in_the_first_three_stages(depth):
    """IBN-a: instance norm on half of the channels behind the first convolution of each block."""
    with torch.device("meta"):
        plain = BACKBONES.build(f"resnet{depth}", start="none", attention="none")
        ibn = BACKBONES.build(f"resnet{depth}(ibn=true)", start="none", attention="none")
    found = [name for name, m in ibn.named_modules() if isinstance(m, nn.InstanceNorm2d)]
    blocks = [len(stage) for stage in ibn.stages[:3]]
    assert found == [
        f"layer{stage}.{block}.bn1.IN" for stage in (1, 2, 3) for block in range(blocks[stage - 1])
    ]
    assert sum(p.numel() for p in ibn.parameters()) == sum(p.numel() for p in plain.parameters())


def test_instance_and_batch_norm_side_by_side():
    torch.manual_seed(0)
    module = InstanceBatchNorm(6)
    for values in (*module.parameters(), module.BN.running_mean):
        nn.init.normal_(values)
    maps = torch.randn(2, 6, 4, 3)
    with torch.no_grad():
        normalised = module.eval()(maps)
    for b in range(2):
        for c in range(3):
            own = maps[b, c]
            expected = (own - own.mean()) / (own.var(correction=0) + 1e-5).sqrt()
            expected = expected * module.IN.weight[c] + module.IN.bias[c]
            torch.testing.assert_close(normalised[b, c], expected)
            fixed = (maps[b, 3 + c] - module.BN.running_mean[c]) / (1 + 1e-5) ** 0.5
            torch.testing.assert_close(
                normalised[b, 3 + c], fixed * module.BN.weight[c] + module.BN.bias[c]
            )


def test_ceil_pool_hangs_over_at_the_right_and_bottom():
    network = BACKBONES.build("resnet18(ceil_pool=true)", start="none", attention="none")
    usual = BACKBONES.build("resnet18", start="none", attention="none")
    maps = torch.arange(64.0).reshape(1, 1, 8, 8)
    assert network.maxpool(maps)[0, 0, 0].tolist() == [18, 20, 22, 23]
    assert usual.maxpool(maps)[0, 0, 0].tolist() == [9, 11, 13, 15]


def test_ibn_weights_are_asked_for_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("PASSERBY_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="passerby pull resnet18_ibn_a_imagenet"):
        BACKBONES.build("resnet18(ibn=true)", start="imagenet", attention="none")
    network = BACKBONES.build("resnet18(ibn=true)", start="none", attention="none")
    state = network.state_dict() | {"fc.weight": torch.zeros(1000, 512)}
    folder = tmp_path / "weights" / "resnet18_ibn_a_imagenet"
    folder.mkdir(parents=True)
    torch.save(state, folder / "resnet18_ibn_a_imagenet.pth")
    with pytest.raises(ValueError, match="expected 2f571257"):
        BACKBONES.build("resnet18(ibn=true)", start="imagenet", attention="none")
    monkeypatch.setitem(
        PUBLISHED,
        "resnet18_ibn_a_imagenet",
        replace(PUBLISHED["resnet18_ibn_a_imagenet"], sha256=""),
    )
    started = BACKBONES.build("resnet18(ibn=true)", start="imagenet", attention="none")
    assert torch.equal(started.layer1[0].bn1.IN.weight, network.layer1[0].bn1.IN.weight)
