"""Changes of keys since a revision, out of the server's own history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from omnicloud.contracts.kv.driver import Changes
from omnicloud.contracts.kv.models import Change, ChangeKind, ChangePage
from omnicloud.errors import InvalidArgumentError, UnavailableError
from omnicloud_etcd.client import Client
from omnicloud_etcd.errors import Refusal, is_login_over, translated
from omnicloud_etcd.records import Stored
from omnicloud_etcd.wire import (
    Range,
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
_UNKNOWN = 2
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
    try:
        events = await _told(client, Watch(create_request=create), op.wait)
    except Refusal as error:
        raise translated(error) from error
    if not events:
        return ChangePage((), op.cursor)
    last = max(event.kv.mod_revision for event in events)
    return ChangePage(tuple(_change(event, base) for event in events), str(last))


async def _told(client: Client, request: Watch, seconds: float) -> list[Watched]:
    """The first changes, or none after so long; logs in anew once."""
    try:
        return await _streamed(client, request, seconds)
    except Refusal as error:
        if client.config.username is None or not is_login_over(error, watching=True):
            raise
    return await _streamed(client, request, seconds)


async def _streamed(client: Client, request: Watch, seconds: float) -> list[Watched]:
    async with client.stream("/v3/watch", request) as told:
        await _begun(told, client.config.answer_timeout)
        return await _first(told, max(seconds, _LEAST_WAIT))


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
        raise Refusal(message.error.number, message.error.words)
    answer = message.result
    if answer.canceled:
        if answer.compact_revision:
            raise Refusal(_OUT_OF_RANGE, _COMPACTED)
        raise Refusal(_UNKNOWN, answer.cancel_reason)
    return answer


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
