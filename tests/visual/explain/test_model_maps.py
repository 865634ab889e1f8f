"""What stands below the maps of a model's attention."""

import torch

from passerby.explanation.attention_maps import AttentionMap
from passerby.visual.explain.model_maps import attention_column


def test_the_weights_of_channels_are_told_and_not_their_mean() -> None:
    """Gates of 0.1 and 0.9 are one half on average, everywhere."""
    even = torch.full((1, 2, 1), 0.5)
    gates, change = torch.tensor([[0.1, 0.9]]), torch.tensor([0.3])
    channels = AttentionMap("backbone.layer1.0.attention", "Eca", "channels", even, gates, change)
    column = attention_column(channels)
    assert (column.title, column.subtitle) == ("Eca channels", "layer1.0")
    assert column.notes == ["0.10-0.90\nchanged 30 %"]
    assert (column.maps == 0.5).all()
    places = torch.tensor([[[0.25], [1.75]]])
    positions = AttentionMap("x", "NonLocal", "positions", places, None, change)
    assert attention_column(positions).notes == ["0.25-1.75\nchanged 30 %"]
