"""Weights of torchreid (Zhou & Xiang 2019, arXiv:1910.10093): OSNet, ResNets, PCB, HA-CNN.

The embedding is what torchreid's networks return in evaluation mode: for OSNet and resnet50_fc512
the vector behind linear layer, batch norm and ReLU, of HA-CNN its two vectors at unit length, else
the pooled maps; of PCB they return what stands before our neck. Names after torchreid 0.2 to 1.4
(``KaiyangZhou/deep-person-reid``), which are the same.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    inside,
    is_resnet,
    prefixed,
    require_same_architecture,
    resnet_call,
    without,
)

_FC = "linear_norm_relu(width={})"

# From torchreid's names to those of `models/backbones/osnet.py`, each tried in order. The streams
# are conv2a … conv2d in its osnet.py and conv2.0 … conv2.3 in its osnet_ain.py.
_RENAMED = (
    (r"\.conv2a\.", ".streams.0.0."),
    (r"\.conv2b\.(\d)\.", r".streams.1.\1."),
    (r"\.conv2c\.(\d)\.", r".streams.2.\1."),
    (r"\.conv2d\.(\d)\.", r".streams.3.\1."),
    (r"^(conv\d\.\d)\.conv2\.(\d)\.layers\.(\d)\.", r"\1.streams.\2.\3."),
    (r"(streams\.\d\.\d)\.conv1\.", r"\1.pointwise."),
    (r"(streams\.\d\.\d)\.conv2\.", r"\1.depthwise."),
    (r"^conv(\d)\.2\.0\.", r"halve\1.0."),
    (r"^pool(\d)\.0\.", r"halve\1.0."),
    (r"^(conv\d\.\d)\.conv1\.", r"\1.reduce."),
    (r"^(conv\d\.\d)\.conv3\.", r"\1.expand."),
    (r"\.downsample\.", ".shortcut."),
    (r"\.gate\.fc1\.", ".gate.squeeze."),
    (r"\.gate\.fc2\.", ".gate.excite."),
    (r"\.bn\.", ".norm."),
)


@FAMILIES.register
def torchreid(state: State, architecture: str | None) -> Converted | None:
    """torchreid: osnet_x*, osnet_ibn_x*, osnet_ain_x*, resnet*, _fc512, _ibn_a, pcb_p*, hacnn."""
    if is_osnet(state):
        converted = _osnet(state)
    elif "ha1.hard_attn.fc.weight" in state:
        converted = _hacnn(state)
    elif is_resnet(state) and "conv5.layers.0.weight" in state and "classifier.1.weight" in state:
        converted = _pcb(state)
    elif is_resnet(state) and ("classifier.weight" in state or "fc.0.weight" in state):
        converted = _resnet(state)
    else:
        return None
    require_same_architecture("torchreid", architecture, converted.architecture)
    return converted


def is_osnet(state: State) -> bool:
    """Whether these are torchreid's names of an OSNet, which FastReID's backbone has too."""
    return "conv1.conv.weight" in state and any(".gate.fc1." in name for name in state)


def osnet_size(state: State) -> tuple[float, str]:
    """(Width, variant) of an OSNet in torchreid's names."""
    return state["conv1.conv.weight"].shape[0] / 64, _variant(state)


def _osnet(state: State) -> Converted:
    notes: tuple[str, ...] = ()
    if _is_folded(state):
        state = _unfolded(state)
        notes = ("batch norm was folded into the convolutions: for embedding, not for training",)
    kept, dropped = without(state, "classifier.")
    width, variant = osnet_size(state)
    projection, vectors = _projection(kept)
    network = Network(
        f"osnet(width={width:g}, variant={variant})", projection=projection, neck="none"
    )
    ours = prefixed("backbone.", osnet_state(kept)) | vectors
    return Converted(osnet_name(width, variant), network, Input(), ours, dropped, notes)


def osnet_state(state: State) -> dict[str, Tensor]:
    """torchreid's weights of an OSNet in our backbone's names; head and classifier are left out."""
    kept, _ = without(state, "classifier.", "fc.")
    return {_renamed(name, _instance_norm(state)): tensor for name, tensor in kept.items()}


def _renamed(name: str, instance_norm: str) -> str:
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name.replace(".IN.", instance_norm)


def osnet_name(width: float, variant: str) -> str:
    """torchreid's name of an OSNet: ``osnet_x0_25``, ``osnet_ain_x1_0``."""
    kind = "" if variant == "plain" else f"{variant}_"
    return f"osnet_{kind}x{width:.2f}".replace(".", "_").removesuffix("0" * (width in (0.5, 1.0)))


def _variant(state: State) -> str:
    if any(".layers." in name for name in state):
        return "ain"
    return "ibn" if "conv2.0.IN.weight" in state else "plain"


def _instance_norm(state: State) -> str:
    """Where the instance norm of a block stands: on the branch (AIN), or after the addition."""
    return ".expand.norm." if _variant(state) == "ain" else ".after."


def _projection(state: State) -> tuple[str, dict[str, Tensor]]:
    """The call of the layer behind the pooling, and its weights in our names."""
    if "fc.0.weight" not in state:
        return "none", {}
    linear, norm = inside("fc.0.", state), inside("fc.1.", state)
    vectors = prefixed("projection.linear.", linear) | prefixed("projection.norm.", norm)
    return _FC.format(linear["weight"].shape[0]), vectors


def _resnet(state: State) -> Converted:
    kept, dropped = without(state, "classifier.", "fc.")
    projection, vectors = _projection(state)
    # resnet50_fc512 is the one with stride 1; the others keep torchvision's 2.
    last_stride = 2 if projection == "none" else 1
    backbone = resnet_call(kept, last_stride)
    name = backbone.partition("(")[0]
    name += "_ibn_a" if "ibn" in backbone else ""
    name += "" if projection == "none" else f"_fc{state['fc.0.weight'].shape[0]}"
    network = Network(backbone, projection=projection, neck="none")
    dropped = tuple(n for n in dropped if n.startswith("classifier."))
    notes = (f"last stride {last_stride}, as torchreid's {name} has it: weights do not tell",)
    return Converted(name, network, Input(), prefixed("backbone.", kept) | vectors, dropped, notes)


def _pcb(state: State) -> Converted:
    kept, dropped = without(state, "classifier.")
    head = inside("conv5.layers.", kept)
    width = head["0.weight"].shape[0]
    head |= {"0.weight": head["0.weight"].flatten(1)}  # a 1×1 convolution, here a linear layer
    stripes = sum(name.endswith(".weight") for name in dropped)
    backbone = {name: tensor for name, tensor in kept.items() if not name.startswith("conv5.")}
    network = Network(
        resnet_call(backbone, last_stride=1), system=f"pcb(stripes={stripes}, width={width})"
    )
    notes = (
        "last stride 1 and images of 384×128, as torchreid's configurations have them",
        "torchreid tests with the pooled stripes: --before-neck gives them",
    )
    ours = prefixed("backbone.", backbone) | prefixed("reduction.", head)
    return Converted(f"pcb_p{stripes}", network, Input(height=384), ours, dropped, notes)


def _hacnn(state: State) -> Converted:
    """HA-CNN, whose names are ours but for the classifiers."""
    if "fc_local.0.weight" not in state:
        raise ValueError(
            "the weights are of a HA-CNN without its local branch (learn_region=False), which "
            "there is none of here"
        )
    ours, dropped = without(state, "classifier_global.", "classifier_local.")
    width = ours["fc_global.0.weight"].shape[0]
    network = Network(system="hacnn" if width == 512 else f"hacnn(width={width})")
    notes = ("images of 160×64, the only ones that torchreid's takes",)
    return Converted("hacnn", network, Input(height=160, width=64), ours, dropped, notes)


def _is_folded(state: State) -> bool:
    return "conv5.conv.bias" in state and "conv5.bn.weight" not in state


def _unfolded(state: State) -> dict[str, Tensor]:
    """Batch norms that add the bias of the convolution before them, and else leave it as it is."""
    found = {}
    for name, tensor in state.items():
        match = re.fullmatch(r"(.+)\.conv2?\.bias", name)
        if match is None:
            found[name] = tensor
            continue
        norm = f"{match[1]}.bn."
        found |= {
            f"{norm}weight": torch.ones_like(tensor),
            f"{norm}bias": tensor,
            f"{norm}running_mean": torch.zeros_like(tensor),
            # Its epsilon is added before the root is taken: together they are one.
            f"{norm}running_var": torch.full_like(tensor, 1 - 1e-5),
        }
    return found
