"""Drivers that a fifteenth count found alive, and their kin: long names of which the middle is
dropped, payloads that are parsed."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.breaker import BreakerContract
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.secrets import SecretsContract

Change = Callable[[Any], Any]


class Changed:
    """A driver whose requests are changed before they are sent."""

    def __init__(self, driver: Any, change: Change) -> None:
        self._driver, self._change = driver, change

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._driver, name)
        if name == "within":
            return lambda transaction: Changed(found(transaction), self._change)
        if name == "aclose" or not inspect.iscoroutinefunction(found):
            return found

        async def sent(op: Any) -> Any:
            return await found(self._change(op))

        return sent


def wrong(
    id_: str, tier: str, summary: str, contract: Any, driver: Callable[..., Any], change: Change
) -> None:
    """Enter a driver of changed requests."""

    def made(*given: Any, **options: Any) -> Changed:
        return Changed(driver(*given, **options), change)

    broken(f"BLIND15-{id_}", tier, summary, contract)(made)


def named(field: str, fold: Callable[[str], str]) -> Change:
    """Change the name that a request is about."""
    return lambda op: replace(op, **{field: fold(getattr(op, field))}) if hasattr(op, field) else op


def two_ends(name: str) -> str:
    """Its ends and its length, where it is long."""
    return f"{name[:100]}…{len(name)}…{name[-100:]}" if len(name) > 250 else name


def two_short_ends(name: str) -> str:
    """The same of what is beyond a column of 128."""
    return f"{name[:48]}~{name[-48:]}" if len(name) > 128 else name


def every_other(name: str) -> str:
    """Of very long names only every seventh letter within."""
    return f"{name[:64]}{name[64:-64:7]}{name[-64:]}" if len(name) > 512 else name


_ENDS = "names of more than {} letters are kept as their ends: two that differ within are one"
wrong("CA-01", "T4", _ENDS.format(250), CacheContract, MemoryCache, named("key", two_ends))
wrong("CA-02", "T4", _ENDS.format(128), CacheContract, MemoryCache, named("key", two_short_ends))
wrong("CA-03", "T4", _ENDS.format(512), CacheContract, MemoryCache, named("key", every_other))
wrong("LO-01", "T4", _ENDS.format(250), LocksContract, MemoryLocks, named("lock", two_ends))
wrong("LO-02", "T4", _ENDS.format(128), LocksContract, MemoryLocks, named("lock", two_short_ends))
wrong("SE-01", "T4", _ENDS.format(250), SecretsContract, MemorySecrets, named("secret", two_ends))
wrong("BR-01", "T4", _ENDS.format(250), BreakerContract, MemoryBreaker, named("circuit", two_ends))
wrong(
    "MS-01", "T4", _ENDS.format(250), MessagingContract, MemoryMessaging, named("topic", two_ends)
)


def parsed(payload: bytes) -> bytes:
    """What a column of parsed JSON gives back of it."""
    try:
        value = json.loads(payload.decode())
    except (ValueError, RecursionError):
        return payload
    return json.dumps(value).encode() if isinstance(value, dict | list) else payload


def yaml(payload: bytes) -> bytes:
    """What a file in lines gives back of it: one kind of line ends, none at the end."""
    return payload.replace(b"\r\n", b"\n").rstrip(b"\n") if payload.isascii() else payload


def _event(change: Callable[[bytes], bytes]) -> Change:
    def changed(op: Any) -> Any:
        event = getattr(op, "event", None)
        if event is None:
            return op
        return replace(op, event=replace(event, payload=change(event.payload)))

    return changed


def _state(change: Callable[[bytes], bytes]) -> Change:
    def changed(op: Any) -> Any:
        state = getattr(op, "state", None)
        if state is None:
            return op
        return replace(op, state=replace(state, payload=change(state.payload)))

    return changed


def _messages(change: Callable[[bytes], bytes]) -> Change:
    def changed(op: Any) -> Any:
        if not hasattr(op, "messages"):
            return op
        messages = (replace(one, payload=change(one.payload)) for one in op.messages)
        return replace(op, messages=tuple(messages))

    return changed


def _value(change: Callable[[bytes], bytes]) -> Change:
    return lambda op: replace(op, value=change(op.value)) if hasattr(op, "value") else op


_JSON = "payloads that are objects or lists of JSON are parsed, and written anew when they are read"
_LINES = "payloads that are plain text have one kind of line ends, and none at their end"
wrong("OX-01", "T1", _JSON, OutboxContract, MemoryOutbox, _event(parsed))
wrong("OX-02", "T1", _LINES, OutboxContract, MemoryOutbox, _event(yaml))
wrong("SA-02", "T1", _JSON, SagaContract, MemorySagas, _state(parsed))
wrong("MS-02", "T1", _JSON, MessagingContract, MemoryMessaging, _messages(parsed))
wrong("MS-03", "T1", _LINES, MessagingContract, MemoryMessaging, _messages(yaml))
wrong("CA-04", "T1", _JSON, CacheContract, MemoryCache, _value(parsed))
wrong("CA-05", "T1", _LINES, CacheContract, MemoryCache, _value(yaml))
