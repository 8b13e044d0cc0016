"""What an order is, and how one that comes from outside is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

__all__ = [
    "CREDITS",
    "PRICES",
    "STOCK",
    "BadOrderError",
    "Order",
    "content_of",
    "order_of",
    "parsed",
]

PRICES = {f"sku-{number:03d}": 199 + 731 * number % 9000 for number in range(60)}
"""What is sold, and its price in cents."""
STOCK = {sku: 30 if number % 20 == 7 else 5000 for number, sku in enumerate(PRICES)}
"""Pieces of each at the start: there is little of some."""
CREDITS = {
    f"customer-{number:03d}": 20_000 if number % 20 == 5 else 5_000_000 for number in range(300)
}
"""What each customer may spend in all, in cents: some cannot spend much."""

_MOST_LINES = 20
_MOST_PIECES = 100
_MOST_KEY = 200


class BadOrderError(ValueError):
    """An order that is refused; the message says what to mend."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Its key is the caller's Idempotency-Key: one key is one order, for ever."""

    key: str
    customer: str
    lines: Mapping[str, int]
    """Pieces by article."""

    @property
    def cents(self) -> int:
        """The price of all of it."""
        return sum(PRICES[sku] * pieces for sku, pieces in self.lines.items())


def parsed(key: object, body: object) -> Order:
    """An order from what a client sent.

    Raises:
        BadOrderError: It is none.
    """
    if not isinstance(key, str) or not 0 < len(key) <= _MOST_KEY:
        raise BadOrderError(f"the idempotency key must be text of 1 to {_MOST_KEY} characters")
    if not isinstance(body, dict):
        raise BadOrderError("an order is an object with customer and lines")
    customer, lines = body.get("customer"), body.get("lines")
    if not isinstance(customer, str) or customer not in CREDITS:
        raise BadOrderError("the customer is unknown")
    if not isinstance(lines, dict) or not 0 < len(lines) <= _MOST_LINES:
        raise BadOrderError(f"lines must be an object of 1 to {_MOST_LINES} articles")
    for sku, pieces in lines.items():
        _check_line(sku, pieces)
    return Order(key, customer, lines)


def content_of(order: Order) -> dict[str, object]:
    """An order without its key, as it is stored and sent; :func:`order_of` reads it again."""
    return {"customer": order.customer, "lines": dict(order.lines), "cents": order.cents}


def order_of(key: str, content: Mapping[str, object]) -> Order:
    """An order that was stored or sent."""
    return Order(key, str(content["customer"]), cast("dict[str, int]", content["lines"]))


def _check_line(sku: str, pieces: object) -> None:
    if sku not in PRICES:
        raise BadOrderError("an article is unknown")
    if isinstance(pieces, bool) or not isinstance(pieces, int) or not 0 < pieces <= _MOST_PIECES:
        raise BadOrderError(f"pieces must be a number of 1 to {_MOST_PIECES}")
