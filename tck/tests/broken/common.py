"""Drivers that are wrong in ways which every contract that keeps payloads knows."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.errors import NotFoundError, UnavailableError
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.contract import Contract

__all__ = ["Verbs", "wrong_in_common"]


class Verbs:
    """How a contract's driver calls what the general laws call put, take and remove.

    Args:
        name: The field of a request that names what it is about.
        change: A request that puts, with its payload changed.
        missing: What take answers where nothing is.
    """

    def __init__(
        self,
        put: str,
        take: str,
        remove: str,
        rename: Callable[[Any, Callable[[str], str]], Any],
        change: Callable[[Any, Callable[[bytes], bytes]], Any],
        missing: Any = None,
    ) -> None:
        self.put, self.take, self.remove = put, take, remove
        self.rename, self.change, self.missing = rename, change, missing


def field(name: str) -> Callable[[Any, Callable[[str], str]], Any]:
    """A rename of one field."""
    return lambda op, how: replace(op, **{name: how(getattr(op, name))})


def wrong_in_common(prefix: str, contract: type[Contract], base: type, verbs: Verbs) -> None:
    """Enter the drivers into the list, as subclasses of a right one."""

    def enter(number: int, tier: str, summary: str, **members: Any) -> None:
        kind = type(f"{prefix}Common{number}", (base,), members)
        broken(f"{prefix}-C{number:02}", tier, summary, contract)(kind)

    def around(before: Callable[[Any, Any], Any]) -> dict[str, Any]:
        return {verb: _around(base, verb, before) for verb in (verbs.put, verbs.take, verbs.remove)}

    def renamed(how: Callable[[str], str]) -> dict[str, Any]:
        async def before(self: Any, op: Any) -> Any:
            return verbs.rename(op, how)

        return around(before)

    def changed(how: Callable[[bytes], bytes]) -> dict[str, Any]:
        async def before(self: Any, op: Any) -> Any:
            return verbs.change(op, how)

        return {verbs.put: _around(base, verbs.put, before)}

    enter(1, "T1", "names are folded to lower case", **renamed(str.lower))
    enter(2, "T1", "names are cut to 255 characters", **renamed(lambda name: name[:255]))
    enter(3, "T1", "paths in names are normalised", **renamed(os.path.normpath))
    enter(4, "T1", "payloads end at the first NUL", **changed(lambda data: data.split(b"\0")[0]))
    enter(5, "T1", "payloads are stripped", **changed(bytes.strip))
    enter(6, "T4", "the tenant is forgotten", **renamed(_without_tenant))
    enter(7, "T2", "each client has a store of its own", __init__=_own_store(base))
    enter(8, "T0", "removing what is missing raises", **{verbs.remove: _raising(base, verbs)})
    enter(9, "T2", "every call blocks the loop for 20 ms", **around(_blocking))
    enter(10, "T2", "a cancelled call leaves the lock held", **around(_locking))
    enter(11, "T2", "concurrent calls share one buffer", **around(_sharing()))
    enter(12, "T3", "an outage is told as absence", **{verbs.take: _calm(base, verbs)})
    enter(13, "T3", "leaks one file descriptor a call", **around(_leaking))
    enter(14, "T3", "closing twice raises", aclose=_once)
    enter(15, "T3", "declares durable and is not", **_volatile(base))
    enter(17, "T1", "payloads that are not UTF-8 are replaced", **changed(_utf8))
    enter(16, "T4", "a missing name falls back to that of no tenant", **_falling(base, verbs))


def _around(base: type, verb: str, before: Callable[[Any, Any], Any]) -> Any:
    async def call(self: Any, op: Any, /) -> Any:
        return await getattr(base, verb)(self, await before(self, op))

    return call


def _utf8(data: bytes) -> bytes:
    return data.decode(errors="replace").encode()


def _without_tenant(name: str) -> str:
    return name.partition("/")[2] if name.startswith("~") and "/" in name else name


def _own_store(base: type) -> Any:
    def make(self: Any, store: MemoryStore, *args: Any) -> None:
        base.__init__(self, MemoryStore(store.clock), *args)

    return make


def _raising(base: type, verbs: Verbs) -> Any:
    async def remove(self: Any, op: Any, /) -> Any:
        before = len(self._store._tables), sum(map(len, self._store._tables.values()))
        answer = await getattr(base, verbs.remove)(self, op)
        if before == (len(self._store._tables), sum(map(len, self._store._tables.values()))):
            raise NotFoundError("missing")
        return answer

    return remove


async def _blocking(self: Any, op: Any) -> Any:
    time.sleep(0.02)
    return op


async def _locking(self: Any, op: Any) -> Any:
    lock = self.__dict__.setdefault("_wrong_lock", asyncio.Lock())
    await lock.acquire()
    await asyncio.sleep(0)
    lock.release()
    return op


def _sharing() -> Any:
    async def before(self: Any, op: Any) -> Any:
        held = self.__dict__.setdefault("_wrong_buffer", {})
        held[type(op)] = op
        await asyncio.sleep(0)
        return held[type(op)]

    return before


def _calm(base: type, verbs: Verbs) -> Any:
    async def take(self: Any, op: Any, /) -> Any:
        try:
            return await getattr(base, verbs.take)(self, op)
        except UnavailableError:
            return verbs.missing

    return take


async def _leaking(self: Any, op: Any) -> Any:
    os.dup(0)
    return op


async def _once(self: Any) -> None:
    if self.__dict__.setdefault("_wrong_closed", False):
        raise RuntimeError("closed already")
    self._wrong_closed = True


def _volatile(base: type) -> dict[str, Any]:
    def features(self: Any) -> Any:
        kind = type(next(iter(base.features.fget(self))))  # type: ignore[attr-defined]
        return base.features.fget(self) | {kind("durable")}  # type: ignore[attr-defined]

    def make(self: Any, store: MemoryStore, *args: Any) -> None:
        # A client that comes later finds nothing of what others wrote.
        opened = store.__dict__.setdefault("_wrong_opened", 0)
        store._wrong_opened = opened + 1  # type: ignore[attr-defined]
        if opened:
            store._tables.clear()
        base.__init__(self, store, *args)

    return {"features": property(features), "__init__": make}


def _falling(base: type, verbs: Verbs) -> dict[str, Any]:
    async def take(self: Any, op: Any, /) -> Any:
        answer = await getattr(base, verbs.take)(self, op)
        if answer == verbs.missing:
            return await getattr(base, verbs.take)(self, verbs.rename(op, _without_tenant))
        return answer

    return {verbs.take: take}
