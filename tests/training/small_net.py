"""A recipe that trains in a second: a small network of its own, with a layer that draws by chance.

Named on the command line as ``small_net.py:small``.
"""

from torch import Tensor, nn

from passerby.config import Input, LossTerm, Network, Recipe, Sampling, Schedule
from passerby.models.backbones import Backbone
from passerby.registry import BACKBONES


class Small(Backbone):
    """Three convolutions and a dropout, 32 channels."""

    channels = 32

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (3, 32, 32):
            layers += [nn.Conv2d(inputs, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Dropout2d(0.2))

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.layers(images)
        return maps


def small_net(start: str, attention: str) -> Backbone:
    """The small network; it has no other weights to start from and no place for attention."""
    return Small()


if "small_net" not in BACKBONES.names():
    BACKBONES.register(small_net)


def small(epochs: int = 20, validation_persons: int = 4) -> Recipe:
    """Epochs of two steps of 16 images at 32×16, cross-entropy and triplet loss."""
    return Recipe(
        "small",
        epochs=epochs,
        input=Input(height=32, width=16),
        network=Network("small_net", classifier="circle(scale=16.0)"),
        augmentations=("flip", "pad_and_crop(padding=2)", "erase"),
        sampling=Sampling(persons=4, images=4),
        losses=(LossTerm("cross_entropy"), LossTerm("triplet(margin=0.3)")),
        schedule=Schedule("cosine", warm_up=1.0),
        validation_persons=validation_persons,
        validate_every=2,
    )
