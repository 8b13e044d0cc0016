"""A law about what a store keeps beside a name: a version, a lock, an end, an index."""

from __future__ import annotations

import random
from typing import Any

from omnicloud_tck.check import equal
from omnicloud_tck.general.kept import Kept
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["Beside", "names_beside"]

_SEAMS = (":", "/", ".", "_", "-", "__", "#", "::", "$", "@", "~")
_BESIDE = (
    *("lock", "claim", "owner", "lease", "token", "version", "meta", "metadata", "ttl", "expires"),
    *("index", "data", "value", "tmp", "new", "old", "counter", "count", "etag", "type", "loading"),
    *("parts", "upload", "tombstone", "deleted", "lck", "seq", "0", "1", "v1"),
)
_AT_ONCE, _REAL = 40, 12  # a cache may keep no more than 60


def names_beside(name: str, chance: random.Random, *, every: bool) -> list[list[str]]:
    """Names that a store may take for its own notes about ``name``, some at a time.

    Args:
        every: All there are, not some of them.
    """
    names = [f"{name}{seam}{word}" for seam in _SEAMS for word in _BESIDE]
    names += [f"{word}{seam}{name}" for seam in _SEAMS for word in _BESIDE]
    chance.shuffle(names)
    lots = [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
    return lots if every else [names[:_REAL]]


class Beside(Kept):
    """A store's own notes are not among its callers' names."""

    @law(
        "G-097",
        "What a store notes about a name is under no name of a caller: those that look like it are "
        "free, and are not harmed.",
    )
    async def notes_are_no_names(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        name = "noted"
        for names in names_beside(name, self.random, every=world.virtual):
            await self.put(one, name, b"first")
            await self.put(two, name, b"second")
            for each in names:
                equal(None, await self.take(two, each), f"{each!r}, beside {name!r}")
            for each in names:
                await self.put(one, each, each.encode())
            equal(b"second", await self.take(two, name), f"{name!r}, others beside it")
            await self.put(one, name, b"third")
            await self.remove(two, name)
            for each in names:
                taken = await self.take(two, each)
                equal(each.encode(), taken, f"{each!r}, {name!r} removed beside it")
                await self.remove(one, each)
