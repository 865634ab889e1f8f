"""Every network of the registry leaves PyTorch and gives the same vectors in other runtimes.

A new system, backbone, attention, pooling or projection adds a small network to `NETWORKS`. Without
``--long`` a sample goes through ONNX Runtime and OpenVINO; all are traced and run by torch.export.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from passerby.config import Input, Network
from passerby.conversion.graph import Graph, output_names, traced
from passerby.conversion.onnx_files import write_onnx
from passerby.models.system import build_model
from passerby.process.openvino_core import openvino_core
from passerby.registry import (
    ATTENTIONS,
    BACKBONES,
    POOLINGS,
    PROJECTIONS,
    SYSTEMS,
    Call,
)

SMALL, STRIPED = (64, 32), (96, 32)
# What is tried, and the height and width of its input.
NETWORKS = {
    "cbam": (Network("resnet18", attention="cbam", pooling="gem"), SMALL),
    "cbam of others": (
        Network("resnet18", attention="cbam(bias=true, spatial_batch_norm=true)"),
        SMALL,
    ),
    "se": (Network("resnet18", attention="se", pooling="max"), SMALL),
    "eca": (Network("resnet18", attention="eca", projection="linear(width=32)"), SMALL),
    "mlp": (Network("resnet18", projection="mlp(width=32, hidden=64)"), SMALL),
    "danet": (Network("resnet18", attention="danet"), SMALL),
    "non_local": (Network("resnet18", attention="non_local", neck="none"), SMALL),
    "non_local_dot": (Network("resnet18", attention="non_local_dot"), SMALL),
    "resnet34": (Network("resnet34"), SMALL),
    "resnet50": (Network("resnet50(ibn=true, ceil_pool=true)"), SMALL),
    "resnet101": (Network("resnet101"), SMALL),
    "densenet121": (Network("densenet121"), SMALL),
    "densenet201": (Network("densenet201"), SMALL),
    "efficientnet_lite0": (Network("efficientnet_lite0"), SMALL),
    "efficientnet_lite1": (Network("efficientnet_lite1"), SMALL),
    "efficientnet_lite2": (Network("efficientnet_lite2"), SMALL),
    "osnet": (Network("osnet(width=0.25)", projection="linear_norm_relu(width=32)"), SMALL),
    "osnet ain": (Network("osnet(width=0.25, variant=ain)"), SMALL),
    "timm": (Network("timm(name=resnet10t)"), SMALL),
    "timm tokens": (
        Network("timm(name=test_vit2, tokens=class_and_mean, height=64, width=32)"),
        SMALL,
    ),
    "timm pooled by attention": (
        Network("timm(name=test_vit3, tokens=own, height=64, width=32)"),
        SMALL,
    ),
    "timm rotary": (
        Network("timm(name=vit_small_patch16_dinov3, tokens=own, height=64, width=32)"),
        SMALL,
    ),
    "auto_reid": (Network("auto_reid(width=8, stages=(1, 1, 1, 1))"), SMALL),
    "swin": (Network("swin(semantic=0.2)", system="plain(embedding=before_neck)"), SMALL),
    "aacn": (Network("resnet18", system="aacn(width=8, attention_width=4, halvings=2)"), SMALL),
    "pcb": (Network("resnet18", system="pcb"), STRIPED),
    "pcb refined": (Network("resnet18", system="pcb(refine=true)"), STRIPED),
    "mgn": (Network("resnet18", system="mgn"), STRIPED),
    "mgn_joint": (Network("resnet18", system="mgn_joint"), STRIPED),
    "dare": (Network("resnet18", system="dare(hidden=32)"), SMALL),
    "ianet": (Network("resnet18", system="ianet"), SMALL),
    "aligned": (Network("resnet18", system="aligned", neck="none"), SMALL),
    "mutual": (Network("resnet18", system="mutual", neck="none"), SMALL),
    "dpfl": (Network("resnet18", system="dpfl"), SMALL),
    "hacnn": (Network(system="hacnn"), SMALL),
    "svdnet": (Network("resnet18", system="svdnet(width=64)"), SMALL),
    "transreid": (Network(system="transreid(variant=tiny, depth=2, cameras=(0, 1))"), SMALL),
    "clip_reid": (Network(system="clip_reid(depth=2, height=64, width=32)"), SMALL),
    "clip_reid resnet50": (
        Network(system="clip_reid(image=resnet50, height=64, width=32)"),
        SMALL,
    ),
    "part_tokens": (Network(system="part_tokens(variant=tiny, depth=2)"), SMALL),
    "transreid without cameras": (Network(system="transreid(variant=tiny, depth=2)"), SMALL),
}
LARGE = {"resnet34", "resnet101", "densenet121", "densenet201", "efficientnet_lite1"}
LARGE |= {"efficientnet_lite2", "timm rotary"}  # more of the same blocks
SAMPLE = {"cbam", "dpfl", "pcb refined", "transreid"}  # what other runtimes compute in their way
CLOSE = 1e-5


def built(name):
    """A system whose batch norms have seen something, and its preprocessing."""
    network, (height, width) = NETWORKS[name]
    torch.manual_seed(0)
    system = build_model(network, persons=0).eval()
    for module in system.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return system, Input(height=height, width=width)


def inputs(system, size, batch):
    images = torch.randn(batch, 3, size.height, size.width)
    return (images, *([torch.arange(batch) % 4 - 1] if system.reads_cameras else []))


def expected(system, given):
    with torch.no_grad():
        features = system(*given)
    found = (features.embedding, features.before_neck, features.local)
    return [tensor.numpy() for tensor in found if tensor is not None]


def assert_close(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert np.abs(one - other).max() <= CLOSE * max(1, np.abs(other).max())


@pytest.fixture
def sampled(request):
    """Says whether a network is tried now."""
    everything = request.config.getoption("long")

    def is_sampled(name, left_out):
        if name in left_out and not everything:
            pytest.skip("with --long")

    return is_sampled


@pytest.mark.parametrize(
    ("registry", "field"),
    [
        (SYSTEMS, "system"),
        (BACKBONES, "backbone"),
        (ATTENTIONS, "attention"),
        (POOLINGS, "pooling"),
        (PROJECTIONS, "projection"),
    ],
)
def test_everything_registered_is_tried(registry, field):
    tried = {Call.parse(getattr(network, field)).name for network, _ in NETWORKS.values()}
    components = {name: registry.get(name) for name in registry.names()}
    ours = {name for name, one in components.items() if one.__module__.startswith("passerby.")}
    assert ours  # and not what another test registered
    assert ours <= tried


@pytest.mark.parametrize("name", NETWORKS)
def test_torch_export_gives_the_same(name, sampled):
    sampled(name, LARGE)
    system, size = built(name)
    run = traced(Graph(system, size)).module()
    for batch in (1, 5):
        given = inputs(system, size, batch)
        assert_close([tensor.numpy() for tensor in run(*given)], expected(system, given))


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_and_openvino_give_the_same(name, sampled, tmp_path):
    sampled(name, NETWORKS.keys() - SAMPLE)
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("openvino")
    system, size = built(name)
    file = write_onnx(system, size, tmp_path, metadata={"passerby": "said"})
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["passerby"] == "said"
    names = [one.name for one in session.get_inputs()]
    assert tuple(one.name for one in session.get_outputs()) == output_names(system, size)
    # Never left open: on some CPUs OpenVINO computes in bfloat16 unless it is told.
    exact = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = openvino_core().compile_model(file, "CPU", exact)
    for batch in (1, 2, 7):
        given = inputs(system, size, batch)
        arrays = {n: tensor.numpy() for n, tensor in zip(names, given, strict=True)}
        wanted = expected(system, given)
        assert_close(session.run(None, arrays), wanted)
        found = compiled(arrays)
        assert_close([found[place] for place in range(len(wanted))], wanted)


def test_cbam_in_training_form_is_the_same_network():
    system, size = built("cbam")
    given = inputs(system, size, 2)
    features = system(*given)  # with gradients: the blockwise form of training
    run = traced(Graph(system, size)).module()
    assert_close([run(*given)[0].numpy()], [features.embedding.detach().numpy()])


def test_any_size_where_the_network_allows_it(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    system, size = built("cbam")
    file = write_onnx(system, size, tmp_path, any_size=True)
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    given = inputs(system, replace(size, height=80, width=48), 3)
    assert_close(session.run(None, {"images": given[0].numpy()}), expected(system, given))
