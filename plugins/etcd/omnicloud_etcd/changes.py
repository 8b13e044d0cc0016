"""Changes of keys since a revision, out of the server's own history."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from omnicloud.contracts.kv.driver import Changes
from omnicloud.contracts.kv.models import Change, ChangeKind, ChangePage
from omnicloud.errors import InvalidArgumentError, UnavailableError
from omnicloud_etcd.bodies import Lines
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
_BEHIND_WAIT = 0.25
"""Seconds a stream is given to catch up: the server looks for such streams ten times a second."""
_GATHERING_SECONDS = 2.0
_UNKNOWN = 2
_OUT_OF_RANGE = 11
_COMPACTED = "required revision has been compacted"


@dataclass(frozen=True, slots=True)
class _Told:
    """A change, without its value, and the revision that made it."""

    revision: int
    change: Change


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
        key=prefix,
        range_end=range_end(prefix),
        start_revision=_revision(op.cursor) + 1,
        fragment=True,
    )
    try:
        told = await _told(client, create, base, op.wait)
    except Refusal as error:
        raise translated(error) from error
    if not told:
        return ChangePage((), op.cursor)
    return ChangePage(tuple(one.change for one in told), str(told[-1].revision))


async def _told(client: Client, create: WatchCreate, base: bytes, seconds: float) -> list[_Told]:
    """The first changes, or none after so long; logs in anew once."""
    try:
        return await _streamed(client, create, base, seconds)
    except Refusal as error:
        if client.config.username is None or not is_login_over(error, watching=True):
            raise
    return await _streamed(client, create, base, seconds)


async def _streamed(
    client: Client, create: WatchCreate, base: bytes, seconds: float
) -> list[_Told]:
    within = client.config.answer_timeout
    async with client.stream("/v3/watch", Watch(create_request=create)) as lines:
        # Without the server's word that it listens silence would be an answer.
        listens = await _next(lines, within)
        behind = listens.header.revision >= create.start_revision
        answer = await _first(lines, max(seconds, _BEHIND_WAIT if behind else _LEAST_WAIT), within)
        return [] if answer is None else await _gathered(lines, answer, base, within)


async def _first(lines: Lines, seconds: float, within: float) -> WatchAnswer | None:
    """The first answer with changes, or none when none has begun after so long."""
    until = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            async with asyncio.timeout_at(until):
                await lines.begun()
        except TimeoutError:
            return None
        answer = await _next(lines, within)
        if answer.events:
            return answer


async def _gathered(lines: Lines, answer: WatchAnswer, base: bytes, within: float) -> list[_Told]:
    """The changes of an answer and of the parts that follow; of whole revisions, after a while."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _GATHERING_SECONDS
    told = [_read(event, base) for event in answer.events]
    while answer.fragment and (loop.time() < until or told[0].revision == told[-1].revision):
        answer = await _next(lines, within)
        told += [_read(event, base) for event in answer.events]
    if not answer.fragment:
        return told
    return [one for one in told if one.revision < told[-1].revision]


async def _next(lines: Lines, seconds: float) -> WatchAnswer:
    try:
        async with asyncio.timeout(seconds):
            line = await lines.next()
    except TimeoutError as error:
        raise UnavailableError("the server did not answer in time") from error
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


def _read(event: Watched, base: bytes) -> _Told:
    key = event.kv.key[len(base) :].decode()
    if event.type == "DELETE":
        change = Change(key, ChangeKind.DELETED)
    else:
        change = Change(key, ChangeKind.SET, Stored.of(event.kv).version)
    return _Told(event.kv.mod_revision, change)
