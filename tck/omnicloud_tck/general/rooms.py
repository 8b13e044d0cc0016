"""Rooms that a join, a fold, a cut or an escape would make one: names in services and tenants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from omnicloud.core.context import ServiceInfo
from omnicloud.core.names import MAX_NAME_BYTES, MAX_TENANT_BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.probes import Scoping
from omnicloud_tck.seams import Pair, pairs
from omnicloud_tck.world import World

__all__ = ["Place", "Room", "entered", "neighbours"]

_LONG_SERVICE = 120  # characters: what a configuration may well give
_CUTS = (250, 480, 520, 900)  # bytes behind which names differ, whatever is before them


@dataclass(frozen=True, slots=True)
class Place:
    """A name, and whose it is: a service's, a tenant's of one, or both."""

    name: str
    tenant: str | None = None
    service: str | None = None

    def __str__(self) -> str:
        parts = (self.service, self.tenant, self.name)
        short = (
            part if part is None else f"{part[:12]}~{len(part)}~{part[-12:]}" for part in parts
        )
        return repr(tuple(short))


Places = tuple[Place, Place]


@dataclass(frozen=True, slots=True)
class Room:
    """A place, and the way to it."""

    place: Place
    pipe: Pipeline[Any]

    @property
    def name(self) -> str:
        return self.place.name


def neighbours(*, few: bool, services: bool, joins: bool) -> Iterator[Places]:
    """Two places at a time, which are apart.

    Args:
        few: Only some, for what takes long.
        services: Whether services of any name may be used.
        joins: With every seam there is.
    """
    yield from _longest()
    if services:
        yield from list(_services())[:: 3 if few else 1]
    if few:
        yield from _joined(list(pairs(every=False))[:3:2], services=services)
        return
    yield from _long()
    yield from _joined(list(pairs(every=joins)), services=services)


def _joined(found: list[tuple[Pair, Pair]], *, services: bool) -> Iterator[Places]:
    for one, two in found:
        yield Place(one.inner, one.outer), Place(two.inner, two.outer)
        if services:
            yield Place(one.inner, None, one.outer), Place(two.inner, None, two.outer)


def _longest() -> Iterator[Places]:
    """Names of a tenant, and tenants of a name, that differ only at their ends."""
    widest = "\u00e9" * (MAX_TENANT_BYTES // 2)  # three times as long where it is escaped
    name = "n" * (MAX_NAME_BYTES - 1)
    yield Place(f"{name}1", widest), Place(f"{name}2", widest)
    begun = f"{widest[:-1]}aa"
    yield Place(f"{name}3", widest), Place(f"{name}3", begun)
    yield Place(f"{name}4", "acme"), Place(f"{name}4", None)


def _long() -> Iterator[Places]:
    """Such as differ only where some cut is, in tenants short and long."""
    for cut, tenant in product(_CUTS, (None, "acme", "t" * MAX_TENANT_BYTES)):
        before, after = f"{cut}" * (cut // 3), "x" * (MAX_NAME_BYTES - cut - 1)
        yield Place(f"{before}1{after}", tenant), Place(f"{before}2{after}", tenant)
    crabs = "\U0001f980" * (MAX_NAME_BYTES // 4 - 1)
    yield Place(f"{crabs}1234", "acme"), Place(f"{crabs}1235", "acme")
    wide = "\u00e9" * (MAX_NAME_BYTES // 2)
    yield Place(wide, "t" * MAX_TENANT_BYTES), Place(wide, "t" * (MAX_TENANT_BYTES - 1) + "u")


def _services() -> Iterator[Places]:
    """Services that a fold, an escape or a cut would make one."""
    long = "s" * (_LONG_SERVICE - 1)
    alike = (
        ("Shop", "shop"),
        ("shop eu", "shop_eu"),
        ("shop/eu", "shop-eu"),
        ("shop.eu", "shop%2Eeu"),
        ("shop", "shop "),
        ("caf\u00e9", "cafe\u0301"),
        (f"{long}1", f"{long}2"),
    )
    for one, two in alike:
        yield Place("same", None, one), Place("same", None, two)


async def entered(world: World[Any], place: Place, driver: Any) -> Room:
    """A room; of a service its own client is opened, which is to be parted with."""
    if place.service is not None:
        driver = await world.service(place.service)
    layers = (Scoping(place.tenant),)
    return Room(place, Pipeline(driver, layers, service=ServiceInfo("tck"), owned=False))
