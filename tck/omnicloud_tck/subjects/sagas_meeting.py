"""Creations, updates, claims and leases of sagas that meet on the same few."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.sagas import SagaFeature
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud_tck.programs.meetings import CANARY
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe

__all__ = ["SAGAS_MEETING"]

_LONG = 7200.0
_RUN = "RUNNING"
_LIST = frozenset({SagaFeature.LIST})
_TICK = 0.02  # so that none begins to wait at one moment with another
_TURNS = 3  # how often a claim is asked that skips what another holds for a moment


def _record(name: str, status: str, tag: str, version: int = 0) -> SagaRecord:
    payload = b'{"tag":"%s"}' % f"{CANARY} {tag}".encode()
    return SagaRecord(name, status, tag, ((tag, "DONE"),), payload, version)


async def _nothing(pipe: Pipe, space: str) -> dict[str, Any]:
    await pipe.send(Create(f"{space}t", _record("k", _RUN, "beside")))
    return {}


async def _two(pipe: Pipe, space: str) -> dict[str, Any]:
    await _nothing(pipe, space)
    await pipe.send(Create(f"{space}s", _record("k", _RUN, "one")))
    await asyncio.sleep(_TICK)
    await pipe.send(Create(f"{space}s", _record("a", _RUN, "two")))
    await asyncio.sleep(_TICK)
    version = await pipe.send(Update(f"{space}s", _record("k", _RUN, "one", 1)))
    await asyncio.sleep(_TICK)
    return {"version": version}


async def _leased(pipe: Pipe, space: str) -> dict[str, Any]:
    """One leased by the first owner, one free."""
    await _nothing(pipe, space)
    await pipe.send(Create(f"{space}s", _record("k", _RUN, "one"), "first", _LONG))
    await asyncio.sleep(_TICK)
    await pipe.send(Create(f"{space}s", _record("a", _RUN, "two")))
    await asyncio.sleep(_TICK)
    return {}


def _told(one: SagaRecord | None) -> object:
    if one is None:
        return None
    history = [list(entry) for entry in one.history]
    return one.saga_id, one.status, one.current_step, history, one.payload, one.version


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    """Every saga, who has it, and which of them wait."""
    left: list[Any] = []
    for name in ("k", "a", "n"):
        left.append(_told(await pipe.send(Get(f"{space}s", name))))
        keeps = [Keep(f"{space}s", name, owner, 0.0) for owner in ("first", "second", "third")]
        left += [await pipe.send(keep) for keep in keeps]
    if SagaFeature.LIST in pipe.driver.features:
        for status in (_RUN, "STUCK"):
            found = await pipe.send(ListSagas(f"{space}s", status))
            left.append([one.saga_id for one in found])
    waiting = await pipe.send(Claim(f"{space}s", (_RUN, "STUCK"), "looker", _LONG, 10))
    return [
        *left,
        sorted(one.saga_id for one in waiting),
        _told(await pipe.send(Get(f"{space}t", "k"))),
    ]


def _create(name: str, tag: str, owner: str | None = None) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        lease = _LONG if owner else 0.0
        return await pipe.send(Create(f"{space}s", _record(name, _RUN, tag), owner, lease))

    return call


def _update(name: str, tag: str, status: str = _RUN) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        version = known.get("version", 1) if name == "k" else 1
        return await pipe.send(Update(f"{space}s", _record(name, status, tag, version)))

    return call


def _claim(owner: str, most: int, saga_id: str | None = None) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        op = Claim(f"{space}s", (_RUN,), owner, _LONG, most, saga_id)
        found: tuple[SagaRecord, ...] = ()
        for _ in range(_TURNS):
            found = await pipe.send(op)
            if found:
                break
        # Which of several that waited equally long comes first is not promised.
        return sorted((_told(one) for one in found), key=str)

    return call


def _keep(owner: str, lease: float) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(Keep(f"{space}s", "k", owner, lease))

    return call


async def _get(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return _told(await pipe.send(Get(f"{space}s", "k")))


async def _list(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return [_told(one) for one in await pipe.send(ListSagas(f"{space}s", _RUN))]


SAGAS_MEETING = Meeting(
    {"nothing": _nothing, "two free sagas": _two, "a leased saga and a free one": _leased},
    {
        "a creation": _create("n", "new"),
        "another creation": _create("n", "newer", "second"),
        "a creation of what is there": _create("k", "again"),
        "an update": _update("k", "changed"),
        "another update": _update("k", "moved", "STUCK"),
        "an update of the other": _update("a", "changed"),
        "a claim": _claim("second", 1),
        "another claim": _claim("third", 1),
        "a claim of many": _claim("third", 5),
        "a claim by id": _claim("second", 1, "k"),
        "a renewal": _keep("first", _LONG),
        "a giving free": _keep("first", 0.0),
        "a giving free by another": _keep("second", 0.0),
        "a read": _get,
        "a list": _list,
    },
    _look,
    needs={"a list": _LIST},
    reads=frozenset({"a read", "a list"}),
)
