"""The three formats: what the files hold, and preprocessing within the graph."""

import numpy as np
import pytest
import torch

from passerby.config import Input, Network
from passerby.conversion import onnx_files
from passerby.conversion.graph import Graph, from_pixels, traced
from passerby.conversion.onnx_files import write_onnx
from passerby.conversion.openvino_files import write_openvino
from passerby.conversion.torch_files import write_torch
from passerby.embedding.preprocessing import normalised, resized, stacked
from passerby.models.features import Features
from passerby.models.system import System, build_model
from passerby.process.openvino_core import openvino_core

SIZE = Input(height=64, width=32)


@pytest.fixture(scope="module")
def system():
    torch.manual_seed(0)
    return build_model(Network("resnet18(last_stride=2)"), persons=0).eval()


def crops(height, width):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (3, height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]


@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("shape", [(64, 32), (31, 20), (150, 77)])
def test_preprocessing_in_the_graph_is_the_embedders(filter, antialias, shape):
    size = Input(height=64, width=32, filter=filter, antialias=antialias)
    pixels = crops(*shape)
    wanted = normalised(stacked([resized(image, size) for image in pixels]), size)
    found = from_pixels(torch.from_numpy(pixels), size)
    levels = (found - wanted).abs() * 255 * min(size.std)
    assert levels.max() <= 1.01  # torch rounds in fixed-point numbers
    assert (levels > 0.5).float().mean() < 0.02


def test_openvino_takes_pixels_of_any_size(system, tmp_path):
    pytest.importorskip("openvino")
    file = write_openvino(system, SIZE, tmp_path, pixels=True, metadata={"passerby": '{"a": "é"}'})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    graph = openvino_core().read_model(file)
    assert graph.get_rt_info("passerby").value == '{"a": "é"}'
    compiled = openvino_core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for shape in ((64, 32), (100, 51)):
        pixels = crops(*shape)
        images = normalised(stacked([resized(image, SIZE) for image in pixels]), SIZE)
        with torch.no_grad():
            wanted = system(images).embedding.numpy()
        found = compiled(pixels)["embedding"]
        cosines = (found * wanted).sum(1) / np.linalg.norm(found, axis=1)
        assert (1 - cosines / np.linalg.norm(wanted, axis=1)).max() < 1e-5


def test_torch_files_open_without_the_code(system, tmp_path):
    file = write_torch(system, SIZE, tmp_path, metadata={"passerby.json": "said"})
    extra = {"passerby.json": ""}
    run = torch.export.load(file, extra_files=extra).module()
    assert extra == {"passerby.json": "said"}
    images = torch.randn(3, 3, 64, 32)
    with torch.no_grad():
        torch.testing.assert_close(run(images)[0], system(images).embedding)


class Wilful(System):
    """Looks at values of its images to choose what to do."""

    dimensions = 3

    def forward(self, images, cameras=None):
        vector = images.mean(dim=(2, 3))
        return Features(vector if float(images.sum()) > 0 else -vector, ())


def test_what_cannot_be_exported_is_said(system, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"torch.export cannot follow this network \(its code"):
        traced(Graph(Wilful(), SIZE))
    monkeypatch.setattr(onnx_files, "_LARGEST", 1000)
    with pytest.raises(ValueError, match="an ONNX file holds 2 GB at most"):
        write_onnx(system, SIZE, tmp_path)
    monkeypatch.setattr(onnx_files, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "passerby\[export\]"'):
        write_onnx(system, SIZE, tmp_path)
    assert list(tmp_path.iterdir()) == []
