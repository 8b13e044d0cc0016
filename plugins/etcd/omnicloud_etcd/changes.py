"""Changes of keys since a revision, out of the server's own history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from omnicloud.contracts.kv.driver import Changes
from omnicloud.contracts.kv.models import Change, ChangeKind, ChangePage
from omnicloud.errors import InvalidArgumentError, UnavailableError
from omnicloud_etcd.client import Client
from omnicloud_etcd.errors import Refusal, translated
from omnicloud_etcd.records import Stored
from omnicloud_etcd.wire import (
    Range,
    Refused,
    Watch,
    WatchAnswer,
    WatchCreate,
    Watched,
    WatchMessage,
    decode,
    range_end,
)

__all__ = ["changes_since"]

_LEAST_WAIT = 0.05
_OUT_OF_RANGE = 11
_COMPACTED = "required revision has been compacted"


async def changes_since(client: Client, base: bytes, op: Changes) -> ChangePage:
    """What ``kv.changes`` asks for. A cursor is the revision after which changes are told.

    Raises:
        NotFoundError: The server has compacted its history beyond the cursor.
    """
    prefix = base + op.prefix.encode()
    if op.cursor is None:
        answer = await client.range(Range(key=prefix, limit=1, keys_only=True))
        return ChangePage((), str(answer.header.revision))
    create = WatchCreate(
        key=prefix, range_end=range_end(prefix), start_revision=_revision(op.cursor) + 1
    )
    async with client.stream("/v3/watch", Watch(create_request=create)) as told:
        await _begun(told, client.config.answer_timeout)
        events = await _first(told, max(op.wait, _LEAST_WAIT))
    if not events:
        return ChangePage((), op.cursor)
    last = max(event.kv.mod_revision for event in events)
    return ChangePage(tuple(_change(event, base) for event in events), str(last))


async def _begun(told: AsyncIterator[bytes], seconds: float) -> None:
    """Wait for the server's word that it listens; without it silence would be an answer."""
    try:
        async with asyncio.timeout(seconds):
            await _next(told)
    except TimeoutError as error:
        raise UnavailableError("the server did not answer in time") from error


async def _first(told: AsyncIterator[bytes], seconds: float) -> list[Watched]:
    """The first changes, or none after so long."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                events = (await _next(told)).events
                if events:
                    return events
    except TimeoutError:
        return []


async def _next(told: AsyncIterator[bytes]) -> WatchAnswer:
    line = await anext(told, None)
    if line is None:
        raise UnavailableError("the server ended the stream of changes")
    message = decode(line, WatchMessage)
    if message.error is not None:
        raise _refused(message.error)
    answer = message.result
    if answer.canceled:
        words = _COMPACTED if answer.compact_revision else answer.cancel_reason
        raise _refused(Refused(code=_OUT_OF_RANGE, error=words))
    return answer


def _refused(refused: Refused) -> Exception:
    return translated(Refusal(refused.code, refused.error or refused.message))


def _revision(cursor: str) -> int:
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise InvalidArgumentError(
            "the cursor is none of this service", hint="give what the page before answered"
        )
    return int(cursor)


def _change(event: Watched, base: bytes) -> Change:
    key = event.kv.key[len(base) :].decode()
    if event.type == "DELETE":
        return Change(key, ChangeKind.DELETED)
    return Change(key, ChangeKind.SET, Stored.of(event.kv).version)
