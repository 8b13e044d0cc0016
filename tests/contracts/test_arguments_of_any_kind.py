"""Whatever a call of a portable class is given, it answers, or says what is wrong as our error.

Every verb is called with every odd value in the place of each of its arguments, over memory; and
what is sent on to a driver is of the types that its requests say.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import math
from collections.abc import Callable, Iterator
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import pytest

from omnicloud.contracts.cache import Cache
from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV
from omnicloud.contracts.locks import Locks
from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.models import Message
from omnicloud.contracts.objects import Objects
from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.sagas import SagaState, SagaStates
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.codec import BYTES
from omnicloud.core.context import ServiceInfo
from omnicloud.core.pipeline import Call, Handler, Pipeline
from omnicloud.errors import OmniCloudError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import VirtualTimeLoop

_SECONDS = 0.05  # virtual ones, after which a call that waits is well

ODD: tuple[object, ...] = (
    *(None, True, 0, 3, -1, 10**30, 0.5, -1.0, math.nan, math.inf, 1j),
    *("", "a", "\0", "\ud800", "x" * 2000, b"", b"a", bytearray(b"a")),
    *([], ["a"], [3], [None], (), ("a", 3), {"a"}, frozenset(), {}, {"a": 1}, {3: b""}, {"$or": 3}),
    *({"$set": 3}, {"a": {"$in": 3}}, {"a": object()}, {"a": b"b"}, {b"a": "b"}),
    *(object(), object, len, print, lambda: None, range(3), iter([1]), Exception("x"), ...),
)
FUNCTIONS = frozenset({"loader", "handler", "body", "progress"})
"""Parameters that are called: what a function of the caller's raises is the caller's."""

GIVEN: dict[str, object] = {
    "key": "k",
    "keys": ["k"],
    "value": b"v",
    "items": {"k": b"v"},
    "delta": 1,
    "prefix": "",
    "ttl": 5.0,
    "if_version": None,
    "if_absent": False,
    "page_size": 10,
    "early": 1.0,
    "data": b"d",
    "content_type": "a/b",
    "metadata": {},
    "part_bytes": None,
    "concurrency": 2,
    "progress": None,
    "upload_id": "u",
    "start": 0,
    "end": None,
    "chunk_bytes": 1000,
    "read_ahead": 1,
    "delimiter": None,
    "source": "k",
    "target": "t",
    "method": "GET",
    "expires_in": 5.0,
    "collection": "c",
    "doc": {"a": 1},
    "filter": {},
    "sort": (),
    "limit": 5,
    "update": {"$set": {"a": 2}},
    "upsert": False,
    "fields": "a",
    "unique": False,
    "name": "n",
    "version": None,
    "grace": 1.0,
    "topic": "t",
    "payload": b"p",
    "headers": None,
    "delay_seconds": None,
    "message_id": "m",
    "messages": [Message(b"p")],
    "group": "g",
    "max_attempts": 2,
    "backoff": None,
    "prefetch": 0,
    "lease": 5.0,
    "ids": (),
    "since": 0.0,
    "permits": 2,
    "renew": False,
    "wait": 0.01,
    "event": OutboxEvent("t", b"x"),
    "aggregate_key": "a",
    "event_id": "e",
    "older_than": 5.0,
    "saga_id": "s",
    "status": "DONE",
    "state": SagaState("s", "RUNNING", None, [], {}, 0),
    "transaction": None,
}


async def _done(*_: object) -> bytes:
    return b"v"


GIVEN |= {"loader": _done, "handler": _done, "body": _done}
GIVEN_TO: dict[str, dict[str, object]] = {
    "upload": {"upload_id": None},
    "publish_many": {"messages": [Message(b"p")]},
}


class Typed:
    """A layer that refuses requests whose fields are not of the types that they declare."""

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        op: Any = call.op
        hints = get_type_hints(type(op))
        for field in dataclasses.fields(op):
            value = getattr(op, field.name)
            if not _is(value, hints[field.name]):
                raise TypeError(f"{op.name} is sent with {field.name}={value!r:.60}")
        return await proceed(call)


def _is(value: object, hint: Any) -> bool:
    """Whether a value is of a type, as far as its hint is a plain one."""
    if get_origin(hint) in (Union, UnionType):
        return any(_is(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        return isinstance(value, tuple) and all(_is(one, get_args(hint)[0]) for one in value)
    if hint is float:
        return isinstance(value, float | int) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint in (str, bytes, bool, NoneType):
        return isinstance(value, hint)
    return True


class Case(NamedTuple):
    """A verb of a portable class, and one of its parameters."""

    make: Callable[[], Any]
    verb: str
    parameter: str

    def __str__(self) -> str:
        return f"{self.make.__name__}.{self.verb}({self.parameter}=)"


def _over(driver: Callable[[MemoryStore], Any]) -> Pipeline[Any]:
    return Pipeline(driver(MemoryStore()), (Typed(),), service=ServiceInfo("odd"))


def _kv() -> KV[bytes]:
    return KV(_over(MemoryKV), BYTES)


def _cache() -> Cache[bytes]:
    return Cache(_over(MemoryCache), BYTES)


def _objects() -> Objects:
    return Objects(_over(MemoryObjects))


def _documents() -> Documents:
    return Documents(_over(MemoryDocuments))


def _secrets() -> Secrets:
    return Secrets(_over(MemorySecrets))


def _messaging() -> Messaging:
    return Messaging(_over(MemoryMessaging))


def _locks() -> Locks:
    return Locks(_over(MemoryLocks))


def _outbox() -> Outbox:
    return Outbox(_over(MemoryOutbox))


def _sagas() -> SagaStates:
    return SagaStates(_over(MemorySagas))


MAKERS = (_kv, _cache, _objects, _documents, _secrets, _messaging, _locks, _outbox, _sagas)


def _cases() -> Iterator[Case]:
    for make in MAKERS:
        for verb, function in vars(type(make())).items():
            if not verb.startswith("_") and inspect.isfunction(function):
                for parameter in list(inspect.signature(function).parameters)[1:]:
                    yield Case(make, verb, parameter)


async def _run(outcome: Any) -> None:
    """See a call through, whatever it gave; a call that waits is left."""
    try:
        async with asyncio.timeout(_SECONDS):
            if inspect.isawaitable(outcome):
                outcome = await outcome
            if hasattr(outcome, "__aenter__"):
                async with outcome:
                    pass
            if hasattr(outcome, "__anext__"):
                async for _ in outcome:
                    break
                await outcome.aclose()
    except TimeoutError:
        return


async def _wrong(case: Case) -> list[str]:
    found = []
    for odd in ODD:
        portable = case.make()
        verb = getattr(portable, case.verb)
        named = [name for name, one in inspect.signature(verb).parameters.items()]
        if callable(odd) and case.parameter in FUNCTIONS:
            continue
        given = {name: GIVEN[name] for name in named} | GIVEN_TO.get(case.verb, {})
        try:
            await _run(verb(**given | {case.parameter: odd}))
        except OmniCloudError:
            continue
        except Exception as error:
            found.append(f"{case.parameter}={odd!r:.60}: {type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("case", list(_cases()), ids=str)
def test_no_argument_raises_anything_but_our_errors(case: Case) -> None:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(_wrong(case)) == []
