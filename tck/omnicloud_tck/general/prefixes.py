"""The law of prefixes: all that begins with one, whatever comes after it, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from omnicloud.contracts.cache.driver import Clear
from omnicloud.contracts.documents.driver import Find
from omnicloud.contracts.kv.driver import Changes, Scan
from omnicloud.contracts.objects.driver import List as ListObjects
from omnicloud.contracts.secrets.driver import List as ListSecrets
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.pages import TOLD
from omnicloud_tck.law import law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["EDGES", "Prefixes"]

Pipe = Pipeline[Any]

EDGES = (
    *("\x7f", "é", "\ud7ff", "\ue000", "\ufffd", "\uffff"),
    *("\U00010000", "\U0001f980", "\U0010fffe", "\U0010ffff"),
)
"""Characters next to which a range of names is cut: of bytes, of units, and of all there are."""
_REAL_EDGES = ("\uffff", "\U0001f980", "\U0010ffff")
_ENDS = ("", "0", *EDGES, "\uffff\uffff", "\U0010ffff\U0010ffffz")
_MOST_PAGES = 400
_WAIT = 5.0  # seconds in which the next of many changes is told


class Prefixes(Contract):
    """For contracts that tell, or remove, what begins with a prefix."""

    async def put(self, pipeline: Pipe, name: str, payload: bytes) -> None:
        """Store the payload under the name, over what was there."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are put")

    async def take(self, pipeline: Pipe, name: str) -> bytes | None:
        """The payload stored under the name, ``None`` where there is none."""
        raise TypeError(f"{type(self).__name__} does not say how payloads are taken")

    @law(
        "G-122",
        "A prefix is of all names that begin with it, whatever character comes next, and of no "
        "other; so is a common prefix.",
        patience=600.0,
    )
    async def prefixes_have_no_end(self, world: World[Any]) -> None:
        for tenant in (None, "acme") if world.virtual else ("acme",):
            pipe = await world.pipeline(Scoping(tenant))
            edges = EDGES if world.virtual else _REAL_EDGES
            kept: set[str] = set()
            for number, edge in enumerate(("/", *edges)):
                kept |= await self._is_whole(pipe, f"{number}p", edge)
            if self.contract == "documents":  # which have no prefixes, but an order and pages
                for size in (5, 1000) if world.virtual else (1, 2, 1000):
                    found = [name async for name in _walk(pipe, Find("kit", limit=size))]
                    equal(sorted(kept), found, f"documents in pages of {size}")

    async def _is_whole(self, pipe: Pipe, room: str, edge: str) -> set[str]:
        """What is under the edge in a room, and beside it."""
        prefix = f"{room}{edge}"
        beside = f"{room[:-1]}o\U0010ffff", f"{room}{_before(edge)}z", _after(room, edge)
        names = sorted({f"{prefix}{end}" for end in _ENDS})
        walk = _WALKS.get(self.contract)
        watched = self.contract == "kv" and Changes("").needs() <= pipe.driver.features
        cursor = (await pipe.send(Changes(prefix))).cursor if watched else None
        for name in (*beside, *reversed(names)):
            await self.put(pipe, name, b"x")
        if watched:
            await _all_are_told(pipe, Changes(prefix, cursor, _WAIT), names)
        if walk is not None and walk(prefix, 1).needs() <= pipe.driver.features:
            for size in (1, 2, 1000):
                found = [name async for name in _walk(pipe, walk(prefix, size))]
                equal(names, found, f"names under {prefix!r}, in pages of {size}")
        if self.contract == "objects":
            await _folds(pipe, room, edge)
        if self.contract == "cache" and Clear().needs() <= pipe.driver.features:
            await pipe.send(Clear(prefix))
            left = [name for name in names if await self.take(pipe, name) is not None]
            equal([], left, f"entries under {prefix!r} that was cleared")
            for name in beside:
                equal(b"x", await self.take(pipe, name), f"{name!r} beside {prefix!r}")
        return {*names, *beside}


def _before(edge: str) -> str:
    return "\ud7ff" if edge == "\ue000" else chr(ord(edge) - 1)


def _after(before: str, edge: str) -> str:
    """The first name behind all that begin with the edge."""
    if edge == "\U0010ffff":
        return before[:-1] + chr(ord(before[-1]) + 1)
    return f"{before}\ue000" if edge == "\ud7ff" else f"{before}{chr(ord(edge) + 1)}"


async def _all_are_told(pipe: Pipe, op: Changes, names: list[str]) -> None:
    told: set[str] = set()
    for _ in range(_MOST_PAGES):
        page = await pipe.send(op)
        told |= {change.key for change in page.changes}
        op = replace(op, cursor=page.cursor)
        if not page.changes or told >= set(names):
            break
    equal(names, sorted(told), f"changes under {op.prefix!r}")


async def _folds(pipe: Pipe, room: str, edge: str) -> None:
    """Lines by the edge as a delimiter, and by another before it."""
    keys = [key async for key in _walk(pipe, ListObjects(room[:-1]))]
    for delimiter, prefix in ((edge, room[:-1]), (edge, room), ("p", room[:-1])):
        lines = sorted({_line(key, prefix, delimiter) for key in keys if key.startswith(prefix)})
        for size in (1, 3):
            op = ListObjects(prefix, delimiter, None, size)
            found = [name async for name in _walk(pipe, op)]
            equal(lines, found, f"lines of {prefix!r} by {delimiter!r}, {size} a page")


def _line(key: str, prefix: str, delimiter: str) -> str:
    before, found, _ = key[len(prefix) :].partition(delimiter)
    return f"{prefix}{before}{found}"


async def _walk(pipe: Pipe, op: Any) -> AsyncIterator[str]:
    for _ in range(_MOST_PAGES):
        page = await pipe.send(op)
        for name in TOLD[type(op)](page):
            yield name
        if page.cursor is None:
            return
        op = replace(op, cursor=page.cursor)
    that(False, f"a walk has not ended after {_MOST_PAGES} pages")


_WALKS: dict[str, Callable[[str, int], Any]] = {
    "kv": lambda prefix, size: Scan(prefix, limit=size),
    "objects": lambda prefix, size: ListObjects(prefix, limit=size),
    "secrets": lambda prefix, size: ListSecrets(prefix, limit=size),
}
