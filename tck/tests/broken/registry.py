"""Broken drivers: each wrong in one way, which a law must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from memory_world import memory_world
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = ["BROKEN", "Broken", "broken"]

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Broken:
    """A driver that is wrong on purpose.

    Attributes:
        id: Its name in lists.
        tier: ``"T0"`` gross, ``"T1"`` values and edges, ``"T2"`` concurrency and isolation,
            ``"T3"`` faults, durability and time, ``"T4"`` security and telemetry.
        summary: What is wrong.
        contract: Whose laws it breaks.
        make_world: A world with it.
    """

    id: str
    tier: str
    summary: str
    contract: type[Contract]
    make_world: Callable[[], World[Any]]


BROKEN: dict[str, Broken] = {}


def broken(
    id_: str,
    tier: str,
    summary: str,
    contract: type[Contract],
    world: Callable[[Callable[..., Any]], World[Any]] = memory_world,
) -> Callable[[C], C]:
    """Enter a driver class ``Driver(store, namespace)`` into the list.

    ``world`` makes a world from the class, where the one in memory does not do.
    """

    def enter(driver: C) -> C:
        if id_ in BROKEN:
            raise ValueError(f"two broken drivers {id_}")
        BROKEN[id_] = Broken(id_, tier, summary, contract, lambda: world(driver))
        return driver

    return enter
