"""Weights of "Bag of tricks" (Luo et al. 2019; michuanhaohao/reid-strong-baseline), and of AGW.

AGW (Ye et al. 2021; mangye16/ReID-Survey) was written on the code of the former.

``base`` is the backbone with last stride 1, ``global_pool`` AGW's pooling with its learned power,
``bottleneck`` the BN neck behind which it is tested. Both codes leave out the ReLU behind the batch
norm of the stem, but for their networks with IBN-a, which have it. Their trainers could also store
whole networks, which are code: such a file is refused.
"""

from __future__ import annotations

from passerby.config import Input, Network
from passerby.registry import FAMILIES
from passerby.weights.families import (
    Converted,
    State,
    attention_of,
    inside,
    is_resnet,
    prefixed,
    require_same_architecture,
    resnet_call,
    resnet_state,
    without,
)


@FAMILIES.register
def bot(state: State, architecture: str | None) -> Converted | None:
    """Bag of tricks and AGW (its authors' code): resnet18/34/50/101, IBN-a, non-local, GeM."""
    # The network with IBN-a still has ImageNet's classifier.
    kept, dropped = without(state, "classifier.", "base.fc.")
    base = inside("base.", kept)
    if not is_resnet(base):
        return None
    ibn = "layer1.0.bn1.IN.weight" in base
    call = resnet_call(base, last_stride=1, stem_relu=ibn)
    name = call.partition("(")[0] + ("_ibn_a" if ibn else "")
    require_same_architecture("bot", architecture, name)
    ours = prefixed("backbone.", resnet_state(base))
    for theirs, tensor in without(kept, "base.")[0].items():
        if theirs == "global_pool.p":
            ours["pooling.power"] = tensor.reshape(1)
        else:  # what is not of the neck either is refused as left over
            ours[theirs.replace("bottleneck.", "neck.")] = tensor
    network = Network(
        call,
        attention=attention_of(base),
        pooling="gem" if "global_pool.p" in kept else "average",
        neck="batch_norm" if "bottleneck.weight" in kept else "none",
    )
    notes = (
        f"last stride 1, {'a' if ibn else 'no'} ReLU behind the stem's batch norm, as its "
        "authors' code has them: weights do not tell",
    )
    return Converted(name, network, Input(), ours, dropped, notes)
