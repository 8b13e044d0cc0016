"""Bugs that others published of their own providers, each rebuilt as a broken driver.

The rows are in ``published_bugs.json``. A row that no law finds says under ``outside`` why; its
driver is kept apart from those that a law must find.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from broken.registry import Broken, broken
from memory_world import memory_world
from omnicloud_tck.contract import Contract
from omnicloud_tck.world import World

__all__ = ["BUGS", "OUTSIDE", "Bug", "published"]

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Bug:
    """A published bug.

    Attributes:
        id: Of the driver that behaves like it.
        project: Whose provider it is, ``owner/name`` on GitHub.
        thread: Where it was published: ``issues/1`` or ``pull/1``.
        kind: The class of fault.
        summary: What goes wrong, in one sentence.
        outside: Why no law finds it; empty where one must.
    """

    id: str
    project: str
    thread: str
    kind: str
    summary: str
    outside: str = ""

    @property
    def url(self) -> str:
        """The thread's address."""
        return f"https://github.com/{self.project}/{self.thread}"


_FILE = Path(__file__).with_name("published_bugs.json")
BUGS: dict[str, Bug] = {row["id"]: Bug(**row) for row in json.loads(_FILE.read_text())}
OUTSIDE: dict[str, Broken] = {}
"""The drivers that no law finds."""


def published(
    id_: str,
    tier: str,
    contract: type[Contract],
    world: Callable[[Callable[..., Any]], World[Any]] = memory_world,
) -> Callable[[C], C]:
    """Enter a driver class ``Driver(store, namespace)`` as the bug of that id."""
    bug = BUGS[id_]
    if not bug.outside:
        return broken(id_, tier, bug.summary, contract, world)

    def enter(driver: C) -> C:
        OUTSIDE[id_] = Broken(id_, tier, bug.summary, contract, lambda: world(driver))
        return driver

    return enter
