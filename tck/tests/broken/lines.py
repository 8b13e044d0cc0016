"""Drivers that are wrong about slow, silent and broken lines, for contracts that keep payloads."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from broken.registry import broken
from memory_world import memory_world
from omnicloud.core.operation import Effect
from omnicloud.errors import Outcome, UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.world import World

Ask = Callable[[Any], Awaitable[Any]]
Way = Callable[["_Wrong", Any, Ask], Awaitable[Any]]


class _Wrong:
    """Stands where a driver stands, on the caller's side of the line that is cut."""

    def __init__(self, driver: Any, way: Way) -> None:
        self._driver, self._way = driver, way
        self.asked: dict[type, Any] = {}
        self.lost = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        if name == "aclose" or not inspect.iscoroutinefunction(found):
            return found

        async def called(op: Any) -> Any:
            return await self._way(self, op, found)

        return called


async def _told_as_not_done(_: _Wrong, op: Any, ask: Ask) -> Any:
    try:
        return await ask(op)
    except UnavailableError as error:
        error.outcome = Outcome.NOT_DONE
        raise


async def _native(_: _Wrong, op: Any, ask: Ask) -> Any:
    try:
        return await ask(op)
    except UnavailableError as error:
        raise ValueError("unexpected end of data") from error


async def _mixed_up(self: _Wrong, op: Any, ask: Ask) -> Any:
    self.asked[type(op)] = op
    await asyncio.sleep(0.001)
    return await ask(self.asked[type(op)])


async def _deaf(_: _Wrong, op: Any, ask: Ask) -> Any:
    try:
        async with asyncio.timeout(0.5):
            return await ask(op)
    except TimeoutError:
        return None


async def _stubborn(_: _Wrong, op: Any, ask: Ask) -> Any:
    task = asyncio.ensure_future(ask(op))
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((task,))
    return task.result()


async def _once_lost(self: _Wrong, op: Any, ask: Ask) -> Any:
    if self.lost:
        raise UnavailableError("the connection was lost")
    try:
        return await ask(op)
    except asyncio.CancelledError:
        self.lost = True
        raise


async def _slow_told(_: _Wrong, op: Any, ask: Ask) -> Any:
    begun = asyncio.get_running_loop().time()
    answer = await ask(op)
    if asyncio.get_running_loop().time() - begun > 1.0:
        logging.getLogger(__name__).warning("slow request: %s", asdict(op))
    return answer


async def _left_behind(self: _Wrong, op: Any, ask: Ask) -> Any:
    """The next question of a kind is answered with what an ended one left on the connection."""
    if op.effect is not Effect.READ:
        return await ask(op)
    asking = asyncio.ensure_future(ask(op))
    asking.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen
    try:
        answer = await asyncio.shield(asking)
    except asyncio.CancelledError:
        self.asked[type(op)] = asking
        raise
    left = self.asked.pop(type(op), None)
    return answer if left is None else await left


_WAYS: tuple[tuple[str, str, Way], ...] = (
    ("T3", "a lost answer is told as not done", _told_as_not_done),
    ("T3", "a lost answer is told as a native error", _native),
    ("T3", "answers go to whoever asked last", _mixed_up),
    ("T3", "silence is told as absence", _deaf),
    ("T3", "a call does not let itself be ended", _stubborn),
    ("T3", "after a call that was ended nothing works any more", _once_lost),
    ("T4", "what was answered slowly is logged with its request", _slow_told),
    ("T2", "the answer to an ended call is given to the next", _left_behind),
)

_CASES = {
    "kv": MemoryKV,
    "cache": MemoryCache,
    "objects": MemoryObjects,
    "documents": MemoryDocuments,
    "secrets": MemorySecrets,
    "outbox": MemoryOutbox,
    "sagas": MemorySagas,
}


def _world(way: Way) -> Callable[[Any], World[Any]]:
    return lambda kind: memory_world(kind).wrapped(lambda driver: _Wrong(driver, way))


for _name, _kind in _CASES.items():
    for _number, (_tier, _summary, _way) in enumerate(_WAYS, 1):
        if _name == "sagas" and _way is _told_as_not_done:
            continue  # the kit reads a state before it puts one, and hears of the cut there
        _id = f"LINE-{_name}-{_number}"
        broken(_id, _tier, _summary, contract_class(_name), _world(_way))(_kind)

for _number, (_tier, _summary, _way) in enumerate(_WAYS[6:], 7):
    _id = f"LINE-messaging-{_number}"
    broken(_id, _tier, _summary, contract_class("messaging"), _world(_way))(MemoryMessaging)
