"""Attempts, renewals and releases that meet on one name."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.locks import LocksFeature
from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe

__all__ = ["LOCKS_MEETING"]

_LONG = 7200.0
_PERMITS = frozenset({LocksFeature.PERMITS})
_WAITERS = ("third", "fourth")


async def _free(pipe: Pipe, space: str) -> dict[str, Any]:
    """Free again."""
    await pipe.send(Acquire(f"{space}l", "first", _LONG))
    await pipe.send(Release(f"{space}l", "first"))
    return {}


async def _held(pipe: Pipe, space: str) -> dict[str, Any]:
    await pipe.send(Acquire(f"{space}l", "first", _LONG))
    if LocksFeature.PERMITS in pipe.driver.features:
        await pipe.send(Acquire(f"{space}s", "first", _LONG, 2))
    return {}


async def _crowded(pipe: Pipe, space: str) -> dict[str, Any]:
    """Held, with one in line."""
    await _held(pipe, space)
    await pipe.send(Acquire(f"{space}l", "second", _LONG, 1, _LONG))
    if LocksFeature.PERMITS in pipe.driver.features:
        await pipe.send(Acquire(f"{space}s", "fourth", _LONG, 2))
        await pipe.send(Acquire(f"{space}s", "second", _LONG, 2, _LONG))
    return {}


def _acquire(name: str, owner: str, permits: int = 1, queue: float | None = None) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        grant = await pipe.send(Acquire(space + name, owner, _LONG, permits, queue))
        if grant is not None and grant.token is not None:
            known.setdefault("tokens", []).append((owner, name, grant.token))
        return grant is not None

    return call


def _renew(name: str, owner: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(Renew(space + name, owner, _LONG))

    return call


def _release(name: str, owner: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(Release(space + name, owner))

    return call


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    """Who holds what, and who is granted it next, and next."""
    tokens = known.pop("tokens", [])
    apart = {(name, token) for _, name, token in tokens}
    owners = {(name, owner) for owner, name, _ in tokens}
    left: list[Any] = [len(apart) == len(owners)]
    permits = {"l": 1, "s": 2 if LocksFeature.PERMITS in pipe.driver.features else 1}
    for name in ("l", "s"):
        everyone = ("first", "second", *_WAITERS)
        held = [who for who in everyone if await pipe.send(Renew(space + name, who, _LONG))]
        left.append(held)
        for who in held:
            await pipe.send(Release(space + name, who))
        for who in everyone:
            grant = await pipe.send(Acquire(space + name, who, _LONG, permits[name]))
            left.append(grant is not None)
            that_token = None if grant is None else grant.token
            left.append(
                that_token is None or all(that_token > old for _, n, old in tokens if n == name)
            )
    return left


LOCKS_MEETING = Meeting(
    {"a free name": _free, "a held name": _held, "a name with a line": _crowded},
    {
        "an attempt": _acquire("l", "third"),
        "another's attempt": _acquire("l", "fourth"),
        "an attempt that waits": _acquire("l", "fourth", 1, _LONG),
        "an attempt of who is in line": _acquire("l", "second", 1, _LONG),
        "the holder's attempt": _acquire("l", "first"),
        "an attempt at a permit": _acquire("s", "third", 2),
        "an attempt at a permit that waits": _acquire("s", "fourth", 2, _LONG),
        "a renewal": _renew("l", "first"),
        "another's renewal": _renew("l", "third"),
        "a release": _release("l", "first"),
        "a release of a permit": _release("s", "first"),
        "a release of a place in line": _release("l", "second"),
    },
    _look,
    needs={
        "an attempt at a permit": _PERMITS,
        "an attempt at a permit that waits": _PERMITS,
        "a release of a permit": _PERMITS,
    },
    reads=frozenset({"another's renewal"}),
)
