"""CLIP-ReID (Li et al. 2023, https://arxiv.org/abs/2211.13977): CLIP for persons, in two stages.

    rank-1 / mAP      Market-1501    DukeMTMC-reID   MSMT17
    ViT-B/16          95.5 / 89.6    90.0 / 82.5     88.7 / 73.4
    ResNet-50         95.7 / 89.8    89.7 / 80.8     –

First a text is learnt for each person, whose images' vectors are nearest to it (`Recipe.texts`);
then the image side is tuned, with the texts as one more classifier. Both sides of CLIP are needed:

    passerby convert Market1501_clipreid_ViT-B-16_60.pth --out models/clip
    passerby train clip_reid --data ROOT --out runs/own --set network.start=models/clip \\
        --set texts.encoder=Market1501_clipreid_ViT-B-16_60.pth

The texts' side is that of CLIP itself, in any of four namings (OpenAI's, open_clip's,
transformers', the authors'). Without texts it is the authors' baseline: clip_reid(texts=false).
Not run here at full length.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from passerby.config import (
    Input,
    LossTerm,
    Network,
    Optimizer,
    Rate,
    Recipe,
    Sampling,
    Schedule,
    Texts,
)
from passerby.publications import Publication, Score, publish
from passerby.recipes.compact import Scale, scaled_transformer
from passerby.registry import RECIPES

_QUOTED = "the article's table for ViT-B/16 at stride 16, as others quote it"
_MEASURED = "the authors' released ResNet-50, as others measured it"

CLIP_REID = publish(
    Publication(
        "CLIP-ReID",
        "Li et al. 2023",
        "https://arxiv.org/abs/2211.13977",
        "clip_reid",
        (
            Score("market1501", 95.5, 89.6, _QUOTED),
            Score("dukemtmc", 90.0, 82.5, _QUOTED),
            Score("msmt17", 88.7, 73.4, _QUOTED),
            Score("market1501", 95.7, 89.8, _MEASURED),
            Score("dukemtmc", 89.7, 80.8, _MEASURED),
        ),
        "both stages; starts from both sides of CLIP, or of a file of the authors', which "
        "`passerby convert` opens. The article itself was not at hand.",
    )
)

_COMPACT = "image=vit_tiny, depth=4, stride=8, height=192, width=64"


@RECIPES.register
def clip_reid(
    image: Literal["vit_base", "resnet50"] = "vit_base",
    texts: bool = True,
    scale: Scale = "paper",
) -> Recipe:
    """CLIP-ReID (Li et al. 2023), texts first; give network.start and texts.encoder files."""
    half = (0.5, 0.5, 0.5)
    vit = image == "vit_base"
    options = f"image={image}" + (", texts=true" if texts else "")
    shown = [f"image={image}"] * (not vit) + ["texts=false"] * (not texts)
    shown += [f"scale={scale}"] * (scale != "paper")
    name = f"clip_reid({', '.join(shown)})" if shown else "clip_reid"
    recipe = Recipe(
        name=name,
        epochs=60 if vit else 120,
        input=Input(filter="bicubic", mean=half, std=half) if vit else Input(filter="bicubic"),
        network=Network(system=f"clip_reid({options})"),
        augmentations=("flip", "pad_and_crop(padding=10)", "erase(probability=0.5, fill=noise)"),
        sampling=Sampling(persons=16, images=4),
        losses=_losses(0.25 if vit and texts else 1.0, texts=texts),
        optimizer=Optimizer(
            "adam",
            rate=5e-6 if vit else 3.5e-4,
            weight_decay=1e-4 if vit else 5e-4,
            rates=(Rate("*bias", 2.0),),
        ),
        schedule=Schedule(
            "step",
            warm_up=10,
            warm_up_start=0.1 if vit else 0.01,
            steps=(30, 50) if vit else (40, 70),
        ),
        texts=(Texts(epochs=120 if vit else 60),) if texts else (),
        origins=(
            "vit_clipreid.yml, cnn_clipreid.yml, and vit_base.yml, cnn_base.yml without texts, of "
            "the authors' code: 16 persons × 4 images, Adam 5e-6 for 60 epochs (ViT) or 3.5e-4 for "
            "120 (ResNet), tenths at 30 and 50 or 40 and 70, 10 epochs of warm-up, biases twice as "
            "fast; smoothing 0.1 on all classifiers, triplet of margin 0.3 on each of three "
            "vectors; flip, pad 10 and crop, erasing",
            "texts, from the same: 120 epochs (ViT) or 60 (ResNet) of 64 images, Adam 3.5e-4, "
            "weight decay 1e-4, cosine from 1e-5 over five epochs and down to 1e-6; then the two "
            "other classifiers of the ViT count a quarter, and that of the texts 1",
            "triplet, weighed 3: the mean over parts is then their sum of three losses; "
            "cross-entropies apart for the same reason",
            "it begins with no weights unless network.start names a converted model: ours",
        ),
    )
    if scale == "paper":
        return recipe
    small = Network(system=f"clip_reid({options.replace(f'image={image}', _COMPACT)})")
    said = "four layers of a ViT-Ti, stride 8, texts read by drawn weights,"
    changed = scaled_transformer(recipe, "market1501", scale, small, said)
    drawn = (Texts("drawn(width=64, depth=2)", epochs=20),) if texts else ()
    return replace(changed, name=name, texts=drawn)


def _losses(share: float, *, texts: bool) -> tuple[LossTerm, ...]:
    """share: what a classifier of persons counts."""
    persons = "cross_entropy(label_smoothing=0.1)"
    terms = [
        LossTerm(persons, weight=share, parts="global"),
        LossTerm(persons, weight=share, parts="projected"),
        LossTerm("triplet", weight=3.0, parts="[!t]*"),  # all but the text
    ]
    return (*terms, LossTerm(persons, parts="text")) if texts else tuple(terms)
