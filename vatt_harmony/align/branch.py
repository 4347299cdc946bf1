"""What encodes the items of one stream, one by one, before its stack reads them."""

from itertools import chain

from torch import Generator, nn

from vatt_harmony.align.config import Branches
from vatt_harmony.align.projection import RandomProjection


def branch_encoder(
    features: int, width: int, *, video: bool, kind: Branches, dropout: float, generator: Generator
) -> nn.Sequential:
    """Module from `[..., features]` to `[..., width]`.

    Two fully connected layers for video, one for text, behind a learned layer without bias (`full`) or a random
    projection (`projected`). Dropout acts before every fully connected layer. Source: released code of Wang et al.,
    WACV 2021, where dropout is never on for text.
    """
    first: list[nn.Module] = [RandomProjection(features, width, generator)]
    if kind == "full":
        first = [nn.Dropout(dropout), nn.Linear(features, width, bias=False), nn.ReLU()]
    layers = ([nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU()] for _ in range(2 if video else 1))
    return nn.Sequential(*first, *chain.from_iterable(layers))
