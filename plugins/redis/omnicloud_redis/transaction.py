"""A transaction of one server: reads are checked and writes made in one step at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar, cast

from omnicloud.errors import ConflictError, InvalidArgumentError
from omnicloud_redis import kv_scripts, outbox_scripts
from omnicloud_redis.commands import Argument
from omnicloud_redis.lua import CLOCK
from omnicloud_redis.store import Script, Store

__all__ = ["Check", "Piece", "RedisTransaction", "joined"]

_OPEN_SECONDS = 30.0

Check = tuple[Argument, Argument, Argument, Argument]
"""What must still be so: its kind, a key, a field of it, a value."""

_COMMIT = Script(
    CLOCK
    + kv_scripts.WRITING
    + "local function outbox(base)\nlocal clock = base .. 'clock'\n"
    + outbox_scripts.KEEPING
    + "return save, mark\nend\n"
    + """
local checks = tonumber(ARGV[1])
for i = 2, 1 + 4 * checks, 4 do
  local kind, key, current = ARGV[i], ARGV[i + 1], ''
  if kind == 'version' then current = redis.call('GETRANGE', key, 0, 15)
  elseif kind == 'field' then current = redis.call('HGET', key, ARGV[i + 2]) or ''
  else
    local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    current = last and last[1] or '0-0'
  end
  if current ~= ARGV[i + 3] then return 0 end
end
local i = 2 + 4 * checks
local function take(count)
  local taken = {unpack(ARGV, i, i + count - 1)}
  i = i + count
  return unpack(taken)
end
while i <= #ARGV do
  local verb, base = take(2)
  if verb == 'set' then
    local name, value, ttl, version = take(4)
    put(base .. 'k:' .. name, name, value, ttl, base .. 'clock', base .. 'names', base .. 'ends',
      base .. 'changes', version)
  elseif verb == 'delete' then
    local name = take(1)
    drop(base .. 'k:' .. name, name, base .. 'names', base .. 'ends', base .. 'changes')
  elseif verb == 'save' then
    local save = outbox(base)
    save(take(4))
  else
    local _, mark = outbox(base)
    mark(take(1))
  end
end
return 1
"""
)
"""KEYS: one of those that it reads or writes, so that a proxy knows where to send it.

ARGV: how many checks, the checks, then verb, what keys start with, and arguments of each write.

Answers whether all checks held; otherwise nothing was written.
"""

P = TypeVar("P", bound="Piece")


class Piece(Protocol):
    """What one service of a transaction has read and wants to write."""

    def checks(self) -> list[Check]:
        """What must still be so at the end."""

    def writes(self) -> list[Argument]:
        """The writes, one after another."""


class RedisTransaction:
    """Nothing is held on the server: who commits first wins, the other's end is a conflict."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pieces: dict[Hashable, Piece] = {}
        self._until = store.clock.monotonic() + _OPEN_SECONDS
        self._ended = False

    @property
    def store(self) -> Store:
        """The server it is a transaction of."""
        return self._store

    def piece(self, key: Hashable, make: Callable[[], P]) -> P:
        """The piece of a service, made at the first asking."""
        return cast("P", self._pieces.setdefault(key, make()))

    async def number(self, clock: bytes) -> str:
        """A version that no key of that clock ever had."""
        version: bytes = await self._store.run(kv_scripts.NUMBER, (clock,))
        return version.decode()

    def check_open(self) -> None:
        """Refuse calls after its end.

        Raises:
            ConflictError: It has ended; nothing was written.
        """
        if self._ended or self._store.clock.monotonic() >= self._until:
            raise ConflictError(
                "the transaction has ended",
                hint="it was committed, rolled back, or open for longer than 30 s",
            )

    async def commit(self) -> None:
        """Make all writes, if all that was read is still so.

        Raises:
            ConflictError: It is not; nothing was written.
        """
        self.check_open()
        self._ended = True
        checks = [check for piece in self._pieces.values() for check in piece.checks()]
        writes = [part for piece in self._pieces.values() for part in piece.writes()]
        arguments = [len(checks), *(part for check in checks for part in check), *writes]
        keys = [check[1] for check in checks] or writes[1:2]
        if not await self._store.run(_COMMIT, keys[:1], arguments):
            raise ConflictError(
                "another writer came first", hint="run the block of the transaction again"
            )

    async def rollback(self) -> None:
        """Forget all writes."""
        self._ended = True
        await asyncio.sleep(0)


def joined(transaction: object, store: Store) -> RedisTransaction:
    """``transaction`` as one of this store.

    Raises:
        InvalidArgumentError: It is another store's.
    """
    if isinstance(transaction, RedisTransaction) and transaction.store is store:
        return transaction
    raise InvalidArgumentError(
        "the transaction belongs to another store",
        hint="only services on one server, with equal settings, can share a transaction",
    )
