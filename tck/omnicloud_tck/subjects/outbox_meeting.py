"""Saves, claims, failures, marks and transactions of an outbox that meet on the same events."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.outbox import OutboxFeature
from omnicloud.contracts.outbox.driver import (
    Begin,
    Claim,
    Fail,
    Keep,
    Lag,
    ListAggregates,
    ListEvents,
    Mark,
    Purge,
    Requeue,
    Save,
)
from omnicloud.contracts.outbox.models import EventRecord, EventStatus, NewEvent
from omnicloud.core.transactions import ended
from omnicloud_tck.programs.meetings import CANARY
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe

__all__ = ["OUTBOX_MEETING"]

_LONG = 7200.0
_TURNS = 3  # how often a claim is asked that skips what another holds for a moment
_TRANSACTION = frozenset({OutboxFeature.TRANSACTION})


class _Undone(Exception):  # noqa: N818 - ends a transaction on purpose
    pass


def _event(space: str, name: str, key: str | None) -> Save:
    payload = f"{CANARY} {name}".encode()
    return Save(space, NewEvent(f"{space}{name}", "t", payload, None, key))


async def _nothing(pipe: Pipe, space: str) -> dict[str, Any]:
    await pipe.send(_event(f"{space}t", "beside", "a"))
    return {}


async def _three(pipe: Pipe, space: str) -> dict[str, Any]:
    await _nothing(pipe, space)
    for name, key in (("one", "a"), ("two", "a"), ("three", None)):
        await pipe.send(_event(space, name, key))
    return {}


async def _claimed(pipe: Pipe, space: str) -> dict[str, Any]:
    """The oldest of an aggregate claimed, an event parked, one processed, one free."""
    for name, key in (("parked", "p"), ("done", "d"), ("behind", "p")):
        await pipe.send(_event(space, name, key))
    await pipe.send(Claim(space, "first", 1, 0.0, _LONG))
    await pipe.send(Fail(space, "first", f"{space}parked", 0.0, park=True))
    await pipe.send(Mark(space, (f"{space}done",)))
    await _nothing(pipe, space)
    await pipe.send(_event(space, "one", "a"))
    await pipe.send(Claim(space, "first", 1, 0.0, _LONG))
    await pipe.send(_event(space, "two", "a"))
    await pipe.send(_event(space, "three", None))
    return {}


def _told(one: EventRecord, space: str) -> object:
    name = one.event_id.removeprefix(space)
    return name, one.aggregate_key, one.sequence_id, one.status.value, one.attempts, one.payload


async def _listed(pipe: Pipe, space: str, status: EventStatus) -> object:
    found = await pipe.send(ListEvents(space, status, every=True))
    return [_told(one, space) for one in found]


async def _look(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    """Every event, then what a relay would be given, and one after it."""
    left: list[Any] = [await _listed(pipe, space, status) for status in EventStatus]
    left.append(await pipe.send(ListAggregates(space)))
    lag = await pipe.send(Lag(space))
    left.append((lag.pending, lag.parked))
    for owner in ("first", "second", "third", "looker"):
        found = await pipe.send(Claim(space, owner, 10, 0.0, _LONG))
        left.append([one.event_id.removeprefix(space) for one in found])
        names = [f"{space}{name}" for name in ("one", "two", "three", "new", "newer", "behind")]
        await pipe.send(Keep(space, owner, tuple(names), 0.0))
    left.append(await _listed(pipe, f"{space}t", EventStatus.PENDING))
    for name in ("new", "newer"):  # what was not saved is, and what was is not twice
        await pipe.send(_event(space, name, "a"))
    left.append(await _listed(pipe, space, EventStatus.PENDING))
    return left


def _save(name: str, key: str | None) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(_event(space, name, key))

    return call


def _transact(names: tuple[str, ...], *, keep: bool) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        transaction = await pipe.send(Begin())
        inside = pipe.around(pipe.driver.within(transaction))
        try:
            async with ended(transaction):
                for name in names:
                    await inside.send(_event(space, name, "a"))
                if not keep:
                    raise _Undone
        except _Undone:
            return "undone"
        return "done"

    return call


def _claim(owner: str, most: int) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        found: tuple[EventRecord, ...] = ()
        for _ in range(_TURNS):
            found = await pipe.send(Claim(space, owner, most, 0.0, _LONG))
            if found:
                break
        return [_told(one, space) for one in found]

    return call


def _keep(owner: str, name: str, lease: float) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(Keep(space, owner, (f"{space}{name}",), lease))

    return call


def _fail(name: str, *, park: bool) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(Fail(space, "first", f"{space}{name}", 0.0, park))

    return call


def _mark(*names: str) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
        return await pipe.send(Mark(space, tuple(f"{space}{name}" for name in names)))

    return call


async def _requeue(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
    return await pipe.send(Requeue(space, f"{space}parked"))


async def _purge(pipe: Pipe, space: str, known: dict[str, Any]) -> Any:
    return await pipe.send(Purge(space, 0.0))


async def _pending(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
    return await _listed(pipe, space, EventStatus.PENDING)


OUTBOX_MEETING = Meeting(
    {"three events": _three, "a claimed event": _claimed},
    {
        "a save": _save("new", "a"),
        "another save": _save("newer", "a"),
        "a save of what is there": _save("one", "a"),
        "a transaction": _transact(("tx1", "tx2"), keep=True),
        "a transaction that is undone": _transact(("tx3",), keep=False),
        "a claim": _claim("second", 1),
        "another claim": _claim("third", 1),
        "a claim of many": _claim("third", 5),
        "a renewal": _keep("first", "one", _LONG),
        "a giving free": _keep("first", "one", 0.0),
        "a failure": _fail("one", park=False),
        "a parking": _fail("one", park=True),
        "a mark": _mark("one"),
        "a mark of several": _mark("parked", "three"),
        "a requeue": _requeue,
        "a purge": _purge,
        "a list": _pending,
    },
    _look,
    needs={"a transaction": _TRANSACTION, "a transaction that is undone": _TRANSACTION},
    reads=frozenset({"a list"}),
    retried=frozenset({"a transaction", "a transaction that is undone"}),
)
