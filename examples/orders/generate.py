"""Orders from a seed: the same seed gives the same orders in the same order."""

from __future__ import annotations

import random
from collections.abc import Iterator

from .model import CREDITS, PRICES, Order

__all__ = ["generate"]

_ARTICLES = tuple(PRICES)
_CUSTOMERS = tuple(CREDITS)


def generate(count: int, seed: int) -> Iterator[Order]:
    """So many orders with unlike keys; some articles are wanted more than others."""
    chance = random.Random(seed)
    for number in range(count):
        lines = {
            _article(chance): chance.randint(1, 4) for _ in range(chance.choice((1, 1, 1, 2, 2, 3)))
        }
        key = f"{seed}-{number:06d}-{chance.getrandbits(32):08x}"
        yield Order(key, chance.choice(_CUSTOMERS), lines)


def _article(chance: random.Random) -> str:
    return _ARTICLES[int(chance.triangular(0, len(_ARTICLES), 5))]
