"""Ways of running a network on a GPU that `gpu.py` measures: ONNX Runtime's providers, CUDA graphs.

ONNX Runtime is asked for CUDA and TensorRT where its build has them, else for the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

_WANTED = ("TensorrtExecutionProvider", "CUDAExecutionProvider")
_PLAIN = "CPUExecutionProvider"


def providers() -> list[str]:
    """Those of this ONNX Runtime that are on a GPU; its CPU where there is none.

    Raises ImportError where it is not installed.
    """
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return [name for name in _WANTED if name in there] or [_PLAIN]


def session(file: Path, provider: str) -> Any:
    """A file in a provider. Raises RuntimeError where ONNX Runtime falls back to another."""
    import onnxruntime

    options: dict[str, str] = {} if provider == _PLAIN else {"device_id": "0"}
    if provider == "CUDAExecutionProvider":
        options["use_tf32"] = "0"  # fp32 is fp32, as everywhere
    chosen = [(provider, options)] + ([] if provider == _PLAIN else [(_PLAIN, {})])
    made = onnxruntime.InferenceSession(str(file), providers=chosen)
    if made.get_providers()[0] != provider:
        raise RuntimeError(f"{provider} is named by ONNX Runtime and does not start")
    return made


def provider_figures(
    file: Path, counts: tuple[int, ...], shape: tuple[int, int], repeats: int
) -> Iterator[tuple[str, str]]:
    """Images per second of each provider, from arrays to arrays, and how far it is off the CPU."""
    rng = np.random.default_rng(0)
    plain = session(file, _PLAIN)
    for provider in providers():
        run = session(file, provider)
        name = f"ONNX Runtime, {provider.removesuffix('ExecutionProvider')}"
        for count in counts:
            images = rng.standard_normal((count, 3, *shape), np.float32)
            made = run.run(["embedding"], {"images": images})[0]
            seconds = median_seconds(lambda x=images, r=run: r.run(None, {"images": x}), repeats)
            yield f"{name}, batch {count}", f"{count / seconds:.0f} images/s"
        expected = plain.run(["embedding"], {"images": images})[0]
        off = np.abs(made - expected).max() / np.abs(expected).max()
        yield f"{name}, off its CPU's by", f"{off:.1e} of the largest value"


def graph_seconds(network: nn.Module, images: torch.Tensor, repeats: int) -> float:
    """Median seconds of a batch that lies on the GPU, in bf16, replayed as one CUDA graph."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
        with torch.cuda.stream(aside):
            for _ in range(3):  # kernels are chosen before they are recorded
                network(images)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            network(images)

    def replay() -> None:
        graph.replay()
        torch.cuda.synchronize()

    return median_seconds(replay, repeats)


def busy_share(run: Callable[[], object], repeats: int) -> float:
    """Of the time of some calls, that in which the GPU had a kernel or a copy to do."""
    from torch.profiler import ProfilerActivity, profile

    run()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        began = time.perf_counter()
        for _ in range(repeats):
            run()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in found.events()
        if event.device_type == torch.autograd.DeviceType.CUDA
    )
    return covered(spans) / 1e6 / seconds


def covered(spans: list[tuple[float, float]]) -> float:
    """The length that spans, ordered by their starts, cover together."""
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """Of a call; the first is left out."""
    took = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return float(np.median(took[1:]))
