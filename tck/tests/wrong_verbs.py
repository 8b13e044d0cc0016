"""Drivers wrong in one verb each: an outage or a late answer is told as another answer, what is
slow is asked again, payloads are logged or in errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, NamedTuple

from omnicloud.contracts.breaker.models import Admission, Reading
from omnicloud.contracts.containers.models import EventPage, LogPage, Stats
from omnicloud.contracts.documents.models import DocumentPage, UpdateResult
from omnicloud.contracts.kv.models import ChangePage, Page
from omnicloud.contracts.messaging.models import DeadPage, Depth
from omnicloud.contracts.objects.models import ObjectPage
from omnicloud.contracts.outbox.models import OutboxLag
from omnicloud.contracts.secrets.models import NamePage
from omnicloud.core.circuit import CircuitState, Permit
from omnicloud.errors import UnavailableError
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.iam import MemoryIAM
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets

__all__ = ["Wrong", "every"]

Answer = Callable[[Any], Any]

_PATIENCE = 0.2  # seconds after which an answer is late

_READS = frozenset(
    [
        "get",
        "get_many",
        "get_range",
        "find",
        "receive",
        "dead_letters",
        "list_events",
        "list_sagas",
        "claim",
    ]
)


class Wrong(NamedTuple):
    """A driver that is wrong in one verb."""

    id: str
    tier: str
    summary: str
    contract: str
    driver: type


_BASES: dict[str, type] = {
    "kv": MemoryKV,
    "cache": MemoryCache,
    "objects": MemoryObjects,
    "documents": MemoryDocuments,
    "secrets": MemorySecrets,
    "messaging": MemoryMessaging,
    "outbox": MemoryOutbox,
    "sagas": MemorySagas,
    "locks": MemoryLocks,
    "breaker": MemoryBreaker,
    "iam": MemoryIAM,
    "containers": MemoryContainers,
}

_CLOSED = Reading(CircuitState.CLOSED)

_CALM: dict[str, dict[str, Answer]] = {
    "kv": {
        "delete": lambda op: False,
        "get_many": lambda op: (None,) * len(op.keys),
        "set_many": lambda op: None,
        "delete_many": lambda op: None,
        "scan": lambda op: Page(()),
        "increment": lambda op: op.delta,
        "changes": lambda op: ChangePage((), op.cursor or "0"),
    },
    "cache": {
        "set": lambda op: None,
        "touch": lambda op: False,
        "clear": lambda op: None,
        "claim": lambda op: True,
        "fill": lambda op: False,
        "unclaim": lambda op: None,
    },
    "objects": {
        "stat": lambda op: None,
        "delete": lambda op: None,
        "delete_many": lambda op: None,
        "list": lambda op: ObjectPage(()),
        "copy": lambda op: None,
        "abort_upload": lambda op: None,
        "list_parts": lambda op: (),
    },
    "documents": {
        "find": lambda op: DocumentPage(()),
        "count": lambda op: 0,
        "update": lambda op: UpdateResult(0, 0),
        "replace": lambda op: UpdateResult(0, 0),
        "delete": lambda op: False,
        "create_index": lambda op: None,
    },
    "secrets": {
        "delete": lambda op: False,
        "list": lambda op: NamePage(()),
        "list_versions": lambda op: (),
        "wait": lambda op: op.known,
    },
    "messaging": {
        "subscribe": lambda op: None,
        "nack": lambda op: False,
        "extend": lambda op: (),
        "kill": lambda op: False,
        "dead_letters": lambda op: DeadPage(()),
        "redrive": lambda op: 0,
        "cancel": lambda op: False,
        "replay": lambda op: 0,
        "measure": lambda op: Depth(0, 0, 0, 0, 0),
    },
    "outbox": {
        "save": lambda op: None,
        "list_events": lambda op: (),
        "list_aggregates": lambda op: (),
        "claim": lambda op: (),
        "keep": lambda op: None,
        "fail": lambda op: None,
        "requeue": lambda op: False,
        "lag": lambda op: OutboxLag(0, 0, 0.0),
        "purge": lambda op: 0,
    },
    "sagas": {
        "get": lambda op: None,
        "update": lambda op: op.state.version + 1,
        "create": lambda op: None,
        "list_sagas": lambda op: (),
        "claim": lambda op: (),
        "keep": lambda op: False,
    },
    "locks": {
        "acquire": lambda op: None,
        "renew": lambda op: False,
        "release": lambda op: None,
    },
    "breaker": {
        "admit": lambda op: Admission(Permit(0), _CLOSED),
        "report": lambda op: _CLOSED,
        "look": lambda op: _CLOSED,
        "reset": lambda op: _CLOSED,
    },
    "iam": {
        "get_policies": lambda op: (),
        "put_policies": lambda op: None,
    },
    "containers": {
        "inspect": lambda op: None,
        "find": lambda op: (),
        "logs": lambda op: LogPage((), op.cursor or "0", ended=False),
        "sample": lambda op: Stats(0.0, 0, 0.0),
        "events": lambda op: EventPage((), op.cursor or "0"),
        "remove": lambda op: False,
        "list_images": lambda op: (),
        "remove_image": lambda op: False,
    },
}

_TELLS: dict[str, tuple[str, ...]] = {
    "kv": ("get", "set", "get_many", "set_many"),
    "cache": ("get", "set", "fill"),
    "objects": ("put", "get_range", "upload_part"),
    "documents": ("insert", "find", "update", "replace"),
    "secrets": ("get", "set"),
    "messaging": ("publish", "receive", "dead_letters"),
    "outbox": ("save", "list_events", "claim"),
    "sagas": ("create", "get", "update", "claim", "list_sagas"),
}

_AGAIN: dict[str, tuple[str, ...]] = {
    "kv": ("set", "delete", "increment"),
    "cache": ("fill",),
    "objects": ("put", "complete_upload"),
    "documents": ("insert", "update", "delete"),
    "secrets": ("set", "delete"),
    "messaging": ("ack", "nack", "kill", "redrive"),
    "outbox": ("requeue",),
    "sagas": ("create", "update"),
    "breaker": ("report",),
}

_LATE: dict[str, tuple[str, ...]] = {
    "kv": ("delete", "increment"),
    "cache": ("fill",),
    "documents": ("update", "delete"),
    "secrets": ("delete",),
    "messaging": ("nack", "extend", "kill", "redrive"),
    "outbox": ("save", "fail", "requeue"),
    "sagas": ("create", "update", "keep"),
    "locks": ("acquire", "renew"),
    "breaker": ("report",),
    "iam": ("get_policies", "put_policies"),
}


def _calm(base: type, verb: str, answer: Answer) -> Any:
    async def called(self: Any, op: Any, /) -> Any:
        try:
            return await getattr(base, verb)(self, op)
        except UnavailableError:
            return answer(op)

    return called


def _deaf(base: type, verb: str, answer: Answer, seconds: float = 0.3) -> Any:
    async def called(self: Any, op: Any, /) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await getattr(base, verb)(self, op)
        except TimeoutError:
            return answer(op)

    return called


def _again(base: type, verb: str) -> Any:
    async def called(self: Any, op: Any, /) -> Any:
        clock = asyncio.get_running_loop()
        started = clock.time()
        answer = await getattr(base, verb)(self, op)
        if clock.time() - started > _PATIENCE:
            answer = await getattr(base, verb)(self, op)
        return answer

    return called


def _telling(base: type, verb: str) -> Any:
    async def called(self: Any, op: Any, /) -> Any:
        answer = await getattr(base, verb)(self, op)
        logging.getLogger("driver").debug("%s: %s -> %s", verb, _told(op), _told(answer))
        return answer

    return called


def _slow() -> Iterator[Wrong]:
    """Those that are wrong when an answer is late."""
    for contract, verbs in _AGAIN.items():
        base = _BASES[contract]
        for verb in verbs:
            kind = type("Again", (base,), {verb: _again(base, verb)})
            summary = f"a slow {verb} is sent again, and the second answer told"
            yield Wrong(f"AGAIN-{contract}-{verb}", "T3", summary, contract, kind)
    for contract, verbs in _LATE.items():
        base = _BASES[contract]
        for verb in verbs:
            answer = _CALM[contract][verb]
            kind = type("Late", (base,), {verb: _deaf(base, verb, answer, _PATIENCE)})
            summary = f"a late answer to {verb} is told as an ordinary one"
            yield Wrong(f"LATE-{contract}-{verb}", "T3", summary, contract, kind)


def _told(value: Any) -> Any:
    """All fields of a value, those as well that its repr leaves out."""
    if isinstance(value, tuple):
        return [_told(each) for each in value]
    if hasattr(type(value), "__dataclass_fields__"):
        return {field.name: _told(getattr(value, field.name)) for field in fields(value)}
    return value


def _failing(base: type, verb: str) -> Any:
    async def called(self: Any, op: Any, /) -> Any:
        try:
            return await getattr(base, verb)(self, op)
        except UnavailableError as error:
            raise UnavailableError(f"{verb} failed: {_told(op)}") from error

    return called


def every() -> Iterator[Wrong]:
    """One driver for each verb and each way to be wrong in it."""
    for contract, answers in _CALM.items():
        base = _BASES[contract]
        for verb, answer in answers.items():
            kind = type("Calm", (base,), {verb: _calm(base, verb, answer)})
            summary = f"an outage is told by {verb} as an ordinary answer"
            yield Wrong(f"CALM-{contract}-{verb}", "T3", summary, contract, kind)
            if contract == "containers":
                continue  # an engine is beside its clients: no silence is asked of its worlds
            kind = type("Deaf", (base,), {verb: _deaf(base, verb, answer)})
            summary = f"silence is told by {verb} as an ordinary answer"
            yield Wrong(f"DEAF-{contract}-{verb}", "T3", summary, contract, kind)
    yield from _slow()
    for contract, verbs in _TELLS.items():
        base = _BASES[contract]
        for verb in verbs:
            kind = type("Telling", (base,), {verb: _telling(base, verb)})
            summary = f"{verb} tells payloads to a log"
            yield Wrong(f"TELL-{contract}-{verb}", "T4", summary, contract, kind)
            if verb not in _READS:
                kind = type("Failing", (base,), {verb: _failing(base, verb)})
                summary = f"{verb} tells payloads in its error"
                yield Wrong(f"FAIL-{contract}-{verb}", "T4", summary, contract, kind)
