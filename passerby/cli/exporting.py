"""The command that takes a model to another runtime."""

from __future__ import annotations

from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from passerby.cli.options import Folder, Model, OptionalData
from passerby.process.reporting import say


def export(
    model: Positional[Model],
    /,
    *,
    to: Literal["onnx", "openvino", "torch", "tensorrt"],
    out: Folder,
    int8: bool = False,
    calibrate: Annotated[
        UseAppendAction[tuple[str, ...]], arg(metavar="IMAGE|FOLDER|TABLE|[KIND=]ROOT")
    ] = (),
    data: OptionalData = None,
    most_lost: Annotated[float, arg(metavar="POINTS")] = 0.5,
    pixels: bool = False,
    any_size: bool = False,
) -> None:
    """Write a MODEL as a file of another runtime, and show that its vectors are the same.

    What is written is compared with the checkpoint at 1, 2, 7 and 32 images: where it differs
    nothing is written, and the first layer that differs is named.

    Args:
        to: ONNX, OpenVINO's own format, torch.export's, or ONNX for NVIDIA's TensorRT with the
            command that builds an engine (not tried: no such GPU was at hand).
        out: folder of the exported model.
        int8: quantise to 8 bits: several times the speed, other vectors, another fingerprint.
        calibrate: some 300 crops like those it will see, to quantise by.
        data: also compare rank-1 and mAP before and after on this set.
        most_lost: percentage points of mAP that int8 may cost on it.
        pixels: resize and normalise in the graph, which then takes uint8 [N, H, W, 3] in RGB.
        any_size: leave height and width free, where the network's code allows it.
    """
    from passerby.export.exporting import Options, export_model

    options = Options(to, pixels, any_size, int8, calibrate, data, most_lost)
    say(export_model(model, out, options))
