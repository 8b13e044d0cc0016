"""Histories of several keys that change together: batches and transactions."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV
from omnicloud.core.codec import BYTES
from omnicloud.errors import ConflictError
from omnicloud_tck.histories.checker import Model, State, as_one
from omnicloud_tck.histories.events import Action, Call, Fate
from omnicloud_tck.histories.registers import CONFLICT
from omnicloud_tck.histories.subjects import Client, Modelled, Session

__all__ = ["Batches", "DocumentTransactions", "Transactions"]

_KEYS = ("x", "y", "z")
_NOTHING: State = (None, None, None)
_ABORTED = "rolled back"


def group(state: State, call: Call) -> tuple[State, ...]:
    """The values of all keys, in their order, which change and are read at one moment.

    ``move`` reads all and writes some; ``abort`` would write, and takes it back.
    """
    values = state if isinstance(state, tuple) else ()
    if call.action.verb in ("get", "look", "move") and call.fate is Fate.DONE:
        if call.result == CONFLICT:
            return (state,)
        seen = values[_KEYS.index(call.action.key)] if call.action.verb == "get" else values
        if call.result != seen:
            return ()
    return (_after(values, call.action),)


def _after(values: tuple[State, ...], action: Action) -> State:
    if action.verb not in ("put", "move", "clear"):
        return values
    new = None if action.verb == "clear" else action.args[0]
    return tuple(new if key in action.key else old for key, old in zip(_KEYS, values, strict=True))


_GROUP = Model(_NOTHING, group, as_one, lambda state: f"x, y, z = {state}")


class Batches(Modelled):
    """Batches of a kv store that write, delete and read several keys at one moment."""

    model = _GROUP

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("look", "look", "look", "put", "put", "get", "clear"))
        if verb == "look":
            return Action(verb, "xyz")
        key = chance.choice(_KEYS if verb == "get" else ("xyz", "xyz", "xy", "z"))
        return Action(verb, key, (fresh,) if verb == "put" else ())

    def open(self, client: Client) -> Session:
        return _Batching(KV(client.pipeline, BYTES), client.space)


class _Batching:
    def __init__(self, kv: KV[bytes], space: str) -> None:
        self._kv, self._space = kv, space

    def resolve(self, action: Action) -> Action:
        return action

    async def perform(self, action: Action) -> Hashable:
        names = [self._space + key for key in action.key]
        match action.verb:
            case "put":
                await self._kv.set_many(dict.fromkeys(names, str(action.args[0]).encode()))
                return None
            case "clear":
                await self._kv.delete_many(names)
                return None
            case "look":
                found = await self._kv.get_many(names)
                return tuple(_text(found.get(name)) for name in names)
            case _:
                return _text(await self._kv.get(names[0]))


class _Values(Protocol):
    """A store, or a transaction of it, reduced to texts by key."""

    async def read(self, key: str) -> str | None: ...
    async def write(self, key: str, value: str) -> None: ...


class _RollBack(Exception):  # noqa: N818 - how an application changes its mind
    pass


class Transactions(Modelled):
    """Transactions of a kv store that read and write several keys, and single reads and writes."""

    model = _GROUP

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("move", "move", "move", "look", "get", "get", "put", "abort"))
        if verb == "look":
            return Action(verb, "xyz")
        several = verb in ("move", "abort")
        key = chance.choice(("xyz", "x", "y", "xy") if several else _KEYS)
        return Action(verb, key, () if verb == "get" else (fresh,))

    def open(self, client: Client) -> Session:
        return _Transacting(_KVStore(KV(client.pipeline, BYTES), client.space))


class DocumentTransactions(Transactions):
    """The same of documents, one for each key."""

    def open(self, client: Client) -> Session:
        return _Transacting(_DocumentStore(Documents(client.pipeline), client.space))


class _Transacting:
    def __init__(self, store: _KVStore | _DocumentStore) -> None:
        self._store = store

    def resolve(self, action: Action) -> Action:
        return action

    async def perform(self, action: Action) -> Hashable:
        match action.verb:
            case "get":
                return await self._store.read(action.key)
            case "put":
                await self._store.write(action.key, str(action.args[0]))
                return None
            case _:
                return await self._together(action)

    async def _together(self, action: Action) -> Hashable:
        seen: list[str | None] = []
        try:
            async with self._store.transaction() as inside:
                seen.extend([await inside.read(key) for key in _KEYS])
                if action.verb != "look":
                    for key in action.key:
                        await inside.write(key, str(action.args[0]))
                if action.verb == "abort":
                    raise _RollBack
        except _RollBack:
            return _ABORTED
        except ConflictError:
            # One that only reads too: a store may check at the end that all was of one moment.
            return CONFLICT
        return tuple(seen)


class _KVStore:
    def __init__(self, kv: KV[bytes], space: str) -> None:
        self._kv, self._space = kv, space

    async def read(self, key: str) -> str | None:
        return _text(await self._kv.get(self._space + key))

    async def write(self, key: str, value: str) -> None:
        await self._kv.set(self._space + key, value.encode())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Values]:
        async with self._kv.transaction() as inside:
            yield _KVStore(inside, self._space)


class _DocumentStore:
    def __init__(self, documents: Documents, space: str) -> None:
        self._documents, self._space = documents, space

    async def read(self, key: str) -> str | None:
        found: Mapping[str, object] | None
        found = await self._documents.find_one(self._space, {"_id": key})
        return None if found is None else str(found["value"])

    async def write(self, key: str, value: str) -> None:
        await self._documents.replace_one(self._space, {"_id": key}, {"value": value}, upsert=True)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[_Values]:
        async with self._documents.transaction() as inside:
            yield _DocumentStore(inside, self._space)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
