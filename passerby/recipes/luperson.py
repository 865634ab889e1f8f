"""ResNets that have seen LUPerson (Fu et al. 2021, https://arxiv.org/abs/2012.03753), fine-tuned.

    rank-1 / mAP           Market-1501    DukeMTMC-reID   MSMT17
    MGN on ResNet-50       96.3 / 91.1    90.4 / 82.3     85.1 / 66.1
    MGN on ResNet-101      96.6 / 91.9    91.9 / 84.2     86.3 / 68.4

Fetch what its authors trained on four million images without names, convert it, and start from its
backbone, which MGN takes three times:

    passerby convert lup_moco_r50.pth --out models/luperson
    passerby train luperson --data ROOT --out runs/own --set network.start=models/luperson

A model that they fine-tuned is converted alike, and is trained on with its own configuration
(train models/own/config.json). Not run here at full length.
"""

from __future__ import annotations

from dataclasses import replace

from passerby.config import (
    Input,
    LossTerm,
    Network,
    Optimizer,
    Phase,
    Rate,
    Recipe,
    Sampling,
    Schedule,
)
from passerby.publications import Publication, Score, expected, publish
from passerby.recipes.compact import Scale, Source, scaled
from passerby.registry import RECIPES

_TABLE = "the table of the authors' repository (DengpanFu/LUPerson), MGN on {}, not re-ranked"
_R50, _R101 = _TABLE.format("ResNet-50"), _TABLE.format("ResNet-101")

LUPERSON = publish(
    Publication(
        "LUPerson (MGN)",
        "Fu et al. 2021",
        "https://arxiv.org/abs/2012.03753",
        "luperson",
        (
            Score("market1501", 96.26, 91.12, _R50),
            Score("dukemtmc", 90.35, 82.27, _R50),
            Score("msmt17", 85.08, 66.06, _R50),
            Score("market1501", 96.56, 91.86, _R101),
            Score("dukemtmc", 91.88, 84.15, _R101),
            Score("msmt17", 86.28, 68.41, _R101),
        ),
        "starts from a ResNet that was trained on LUPerson without names; the authors' files are "
        "opened by `passerby convert`.",
    )
)

# As the authors measured them on LUPerson, of values from 0 to 1.
_MEAN, _STD = (0.3525, 0.3106, 0.3140), (0.2505, 0.2522, 0.2504)
_AUGMENTATIONS = ("flip", "pad_and_crop(padding=10)", "erase(probability=0.5)")
_START = "it begins with no weights unless network.start names a converted model: ours"


@RECIPES.register
def luperson(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """MGN from LUPerson (Fu et al. 2021); give network.start a converted ResNet or MGN."""
    recipe = Recipe(
        name="luperson",
        epochs=60,
        input=Input(height=384, width=128, filter="bicubic", mean=_MEAN, std=_STD),
        network=Network(
            "resnet50(last_stride=1)",
            classifier="circle(scale=64.0, margin=0.35)",
            system="mgn(norm=true, global_stride=1, relu=false, pooling=gem)",
            start_of="backbone.*",
        ),
        augmentations=_AUGMENTATIONS,
        sampling=Sampling(persons=4, images=16),
        losses=(
            LossTerm("cross_entropy(label_smoothing=0.1)"),
            LossTerm("triplet(soft=true)", weight=0.6, parts="global*"),
            LossTerm("triplet(soft=true)", weight=0.4, parts="[ht]*"),  # halves and thirds
        ),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4),
        schedule=Schedule("cosine", warm_up=0, floor=0.0022),
        phases=_phases(),
        origins=(
            expected(LUPERSON, data),
            "MGN without ReLU and stride 2, a batch norm behind each branch, GeM with a learned "
            "power, circle classifier of scale 64 and margin 0.35, label smoothing 0.1, soft "
            "triplets, colours less LUPerson's mean, 384×128 bicubic, 4 persons × 16 images, Adam "
            "3.5e-4, 60 epochs: 10 of warm-up from 0.01 with the branches frozen, constant up to "
            "the 30th, cosine to 7.7e-7; flip, pad 10 and crop, erasing: the authors' "
            "mgn_R50_moco.yml and what it is built on",
            "classifiers see the three global vectors before their reduction, as in MGN's paper; "
            "triplets of stripes one by one, not side by side; the warm-up's rate is the branches' "
            "from the 10th epoch on; Adam begins anew with each phase: ours",
            _START,
        ),
    )
    small = scaled(recipe, data, scale)
    if scale == "paper":
        return small
    whole = "compact scale, ours: one phase, as nothing is pretrained that could be kept"
    return replace(small, phases=(), origins=(*small.origins, whole))


@RECIPES.register
def luperson_resnet50(data: Source = "market1501", scale: Scale = "paper") -> Recipe:
    """A plain ResNet-50 from LUPerson, by its authors' BoT; give network.start a converted file."""
    recipe = Recipe(
        name="luperson_resnet50",
        epochs=120,
        input=Input(filter="bicubic", mean=_MEAN, std=_STD),
        network=Network("resnet50(last_stride=1)", start_of="backbone.*"),
        augmentations=_AUGMENTATIONS,
        sampling=Sampling(persons=16, images=4),
        losses=(LossTerm("cross_entropy(label_smoothing=0.1)"), LossTerm("triplet(margin=0.3)")),
        optimizer=Optimizer("adam", rate=3.5e-4, weight_decay=5e-4, rates=(Rate("*bias", 2.0),)),
        schedule=Schedule("step", warm_up=10, warm_up_start=0.01, steps=(40, 90), factor=0.1),
        origins=(
            "256×128 bicubic, BNNeck, last stride 1, 16 persons × 4 images, label smoothing 0.1, "
            "margin 0.3, Adam 3.5e-4 with biases twice as fast, tenths at 40 and 90 of 120 epochs, "
            "10 of warm-up from 0.01; flip, pad 10 and crop, erasing: Base-bagtricks.yml of the "
            "authors' FastReID, which they publish no score of",
            "colours less LUPerson's mean: their mgn_R50_moco.yml",
            _START,
        ),
    )
    return scaled(recipe, data, scale)


def _phases() -> tuple[Phase, ...]:
    """Branches frozen while the rate rises, everything at the full rate, then on a cosine."""
    rising = Schedule("constant", warm_up=10, warm_up_start=0.01)
    return (
        Phase(
            "head",
            10,
            trains=("norms*", "pooling*", "reduction*", "classifier*"),
            schedule=(rising,),
        ),
        Phase("whole", 20, schedule=(Schedule("constant", warm_up=0),)),
        Phase("cosine", 30),
    )
