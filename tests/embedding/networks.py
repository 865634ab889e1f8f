"""Small networks of every system and backbone, with statistics as a trained one has them."""

import torch
from torch import nn

from passerby.config import Network
from passerby.models.system import System, build_model

NETWORKS = {
    "plain": Network("resnet18"),
    "bottleneck": Network("resnet50(last_stride=1)", attention="cbam"),
    "ibn": Network("resnet50(ibn=true)"),
    "cbam": Network("resnet18", attention="cbam(bias=true, spatial_batch_norm=true)"),
    "se": Network("resnet18", attention="se"),
    "eca": Network("resnet18", attention="eca"),
    "danet": Network("resnet18", attention="danet"),
    "non_local": Network("resnet18", attention="non_local"),
    "non_local_dot": Network("resnet18", attention="non_local_dot"),
    "densenet": Network("densenet121"),
    "lite": Network("efficientnet_lite0"),
    "osnet": Network("osnet(width=0.25)"),
    "osnet_ain": Network("osnet(width=0.25, variant=ain)"),
    "projection": Network("resnet18", projection="linear_norm_relu(width=32)"),
    "aacn": Network("resnet18", system="aacn(width=8, attention_width=4, halvings=2)"),
    "pcb": Network("resnet18", system="pcb"),
    "pcb+rpp": Network("resnet18", system="pcb(refine=true)"),
    "mgn": Network("resnet18", system="mgn"),
    "dare": Network("resnet18", system="dare(hidden=32)"),
    "ianet": Network("resnet18", system="ianet"),
    "mgn_joint": Network("resnet18", classifier="circle", system="mgn_joint"),
    "aligned": Network("resnet18", system="aligned", neck="none"),
    "mutual": Network("resnet18", system="mutual", neck="none"),
    "dpfl": Network("resnet18", system="dpfl"),
    "hacnn": Network(system="hacnn"),
    "svdnet": Network("resnet18", system="svdnet(width=64)"),
    "clip_reid": Network(system="clip_reid(depth=2, height=96, width=32)"),
    "part_tokens": Network(system="part_tokens(variant=tiny, depth=2)"),
    "transreid": Network(
        system="transreid(variant=tiny, depth=2, cameras=(0, 1))", classifier="circle"
    ),
}
HEIGHT, WIDTH = 96, 32


def small_network(name: str) -> System:
    """One of them in evaluation mode, by a fixed seed; batch norms far from the identity."""
    torch.manual_seed(0)
    network = build_model(NETWORKS[name], persons=0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            if module.affine:
                module.bias.data.normal_(0, 0.1)
    return network.eval()
