"""Runtimes: one model in PyTorch, ONNX Runtime and OpenVINO; the same vectors, or another name."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from passerby.config import Input, Network, Recipe
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.runtimes import thread_count
from passerby.embedding.runtimes.exported import KEY, Exported
from passerby.embedding.runtimes.torch import Torch
from passerby.models.checkpoint import Card, load_model, save_model
from passerby.models.system import build_model
from passerby.process.openvino_core import openvino_core

SIZE = Input(height=64, width=32, mean=(0.4, 0.5, 0.3))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder with a small network, whose batch norms are far from the identity."""
    torch.manual_seed(0)
    recipe = Recipe("tiny", input=SIZE, network=Network("resnet18", attention="cbam"))
    network = build_model(recipe.network, persons=0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    folder = tmp_path_factory.mktemp("checkpoint")
    save_model(folder, network, Card(recipe, persons=3, seed=0, epoch=1))
    return folder


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40 + n, 20 + n, 3), np.uint8) for n in range(11)]


class Named(nn.Module):
    """The graph of the contract."""

    def __init__(self, network, pixels):
        super().__init__()
        self.network, self.pixels = network, pixels

    def forward(self, images):
        if self.pixels:
            images = images.permute(0, 3, 1, 2).float() / 255
            images = (images - torch.tensor(SIZE.mean)[:, None, None]) / torch.tensor(SIZE.std)[
                :, None, None
            ]
        features = self.network(images)
        return features.embedding, features.before_neck


@pytest.fixture(scope="module", params=[False, True], ids=["normalised", "pixels"])
def exported(request, checkpoint, tmp_path_factory):
    """A folder with the same model as an .onnx file."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    network, card = load_model(checkpoint)
    folder = tmp_path_factory.mktemp("exported")
    example = torch.zeros(2, 3, 64, 32)
    if request.param:
        example = torch.zeros(2, 64, 32, 3, dtype=torch.uint8)
    with torch.no_grad():
        torch.onnx.export(
            Named(network, request.param).eval(),
            (example,),
            folder / "model.onnx",
            input_names=["images"],
            output_names=["embedding", "before_neck"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
            external_data=False,
            verbose=False,
        )
    said = Exported(card, 512, "0", ("embedding", "before_neck"), pixels=request.param)
    graph = onnx.load(folder / "model.onnx")
    onnx.helper.set_model_props(graph, {KEY: replace(said, calibration="{}").to_json()})
    onnx.save(graph, folder / "model.onnx")
    return folder


@pytest.fixture(scope="module")
def as_openvino(exported, tmp_path_factory):
    openvino = pytest.importorskip("openvino")
    from passerby.embedding.runtimes.exported import read_onnx

    said = read_onnx(exported / "model.onnx")
    model = openvino_core().read_model(exported / "model.onnx")
    model.set_rt_info(said.to_json(), KEY)
    folder = tmp_path_factory.mktemp("openvino")
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    return folder


def same(made, expected):
    """Within 1e-5 of vectors of length 1, as cosine distances see them."""
    made, expected = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (made, expected))
    return float(np.abs(made - expected).max()) <= 1e-5


@pytest.fixture
def expected(checkpoint, images):
    network, card = load_model(checkpoint)
    return Embedder(network, card.recipe.input)(images)  # as it is: nothing folded, nothing packed


def test_pytorch_prepared_gives_the_vectors_of_the_network(checkpoint, images, expected):
    opened = load(checkpoint, device="cpu")
    assert same(opened(images), expected)
    folded = opened.runtime._network  # of BNNeck one stays
    assert sum(isinstance(one, nn.BatchNorm2d) for one in folded.modules()) == 0
    network, card = load_model(checkpoint)
    assert opened.fingerprint == card.fingerprint == Embedder(network, SIZE).fingerprint
    with torch.inference_mode():
        assert not np.array_equal(opened(images), 0)


def test_onnx_runtime_gives_the_same(exported, checkpoint, images, expected):
    pytest.importorskip("onnxruntime")
    opened = load(exported)
    assert (opened.runtime.name, opened.calibration) == ("onnx", "{}")
    assert same(opened(images), expected)
    assert same(load(exported / "model.onnx", batch_size=1)(images), expected)
    assert opened.fingerprint == load(checkpoint).fingerprint
    for ways in ({"flip": True}, {"before_neck": True}):
        assert same(load(exported, **ways)(images), load(checkpoint, **ways)(images))
    assert opened([]).shape == (0, 512)


def test_openvino_gives_the_same(exported, as_openvino, images, expected):
    for model in (as_openvino, as_openvino / "model.xml", exported):
        opened = load(model, runtime="openvino")
        assert opened.runtime.name == "openvino"
        assert same(opened(images), expected)
    hint = opened.runtime._compiled.get_property("INFERENCE_PRECISION_HINT")
    assert hint.get_type_name() == "f32"  # never left open


def test_bfloat16_is_another_model(as_openvino, checkpoint, images, expected):
    pytest.importorskip("openvino")
    weights = load(checkpoint).fingerprint
    in_torch = load(checkpoint, precision="bf16", device="cpu")
    made = in_torch(images)
    assert in_torch.fingerprint == f"{weights}-bf16-torch"
    assert made.dtype == np.float32
    assert not same(made, expected)
    assert np.allclose(made, expected, atol=0.1 * np.abs(expected).max())
    if "BF16" not in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(ValueError, match="needs a CPU that computes bfloat16"):
            load(as_openvino, precision="bf16")
        return
    opened = load(as_openvino, precision="bf16")
    assert opened.fingerprint == f"{weights}-bf16-openvino"
    assert not same(opened(images), expected)


def test_one_embedder_serves_several_threads(exported, as_openvino, checkpoint, images):
    for model in (checkpoint, exported, as_openvino):
        opened = load(model)
        alone = [opened(images[n : n + 3]) for n in range(6)]
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(opened, [images[n : n + 3] for n in range(6)]))
        for n in range(6):
            assert np.allclose(made[n], alone[n], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runtime": "onxx"}, "no runtime is named 'onxx'; did you mean 'onnx'"),
        ({"runtime": "torch"}, "is run by onnx or openvino, not by torch"),
        ({"precision": "bf16"}, "ONNX Runtime computes .* in fp32, as it was exported"),
        ({"precision": "float"}, "precision must be fp32, fp16, bf16, int8"),
        ({"runtime": "openvino", "precision": "int8"}, "in fp32 or bf16, got int8"),
        ({"runtime": "openvino", "precision": "fp16"}, "in fp32 or bf16, got fp16"),
        ({"device": "cuda"}, "the runtime onnx computes on the CPU, got device 'cuda'"),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
    ],
)
def test_what_cannot_be_run_so_is_said(exported, options, message):
    with pytest.raises(ValueError, match=message):
        load(exported, **options)


@pytest.mark.hostile
def test_files_of_others_are_refused(tmp_path, as_openvino):
    onnx = pytest.importorskip("onnx")
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "a", [], [])), tmp_path / "a.onnx")
    with pytest.raises(ValueError, match="does not say how images are prepared"):
        load(tmp_path / "a.onnx")
    (tmp_path / "a.xml").write_text("<net>")
    with pytest.raises(ValueError, match="OpenVINO cannot open"):
        load(tmp_path / "a.xml")
    (tmp_path / "a.pt2").write_bytes(b"PK")
    with pytest.raises(ValueError, match="is for other programs"):
        load(tmp_path / "a.pt2")


def test_a_runtime_that_is_not_installed_is_named(exported, as_openvino, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(ValueError, match=r'pip install "passerby\[onnx\]"'):
        load(exported)
    with pytest.raises(ValueError, match=r'pip install "passerby\[openvino\]"'):
        load(as_openvino)


def test_threads_are_those_that_are_granted(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert (thread_count(None), thread_count(2)) == (3, 2)
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("passerby.embedding.runtimes.available_cores", lambda: 5)
    assert thread_count(None) == 5


def test_a_component_that_bears_no_folding_is_left_alone(checkpoint, images):
    """Such as a convolution that computes with its weights at length 1."""

    class OfLength1(nn.Conv2d):
        def _conv_forward(self, maps, weight, bias):
            weight = weight / weight.flatten(1).norm(dim=1)[:, None, None, None]
            return super()._conv_forward(maps, weight, bias)

    def network():
        made, _ = load_model(checkpoint)
        made.backbone.layer1[0].conv1.__class__ = OfLength1
        return made

    expected = Embedder(network(), SIZE)(images)
    prepared = Embedder(Torch(network(), SIZE, device="cpu", ours=True), SIZE)(images)
    assert same(prepared, expected)


def test_other_programs_threads_are_left_as_they_are(checkpoint, images):
    before, meanwhile = torch.get_num_threads(), []
    load(checkpoint, device="cpu")
    assert torch.get_num_threads() == before
    network, _ = load_model(checkpoint)
    network.register_forward_pre_hook(lambda *_: meanwhile.append(torch.get_num_threads()))
    Embedder(Torch(network, SIZE, device="cpu", threads=before + 1), SIZE)(images)
    assert set(meanwhile) == {before + 1}
    assert torch.get_num_threads() == before
    with pytest.raises(ValueError, match="PyTorch computes in fp32 or bf16 on a CPU"):
        load(checkpoint, device="cpu", precision="fp16")
