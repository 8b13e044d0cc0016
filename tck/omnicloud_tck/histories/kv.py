"""Histories of kv stores: registers with versions, and counters."""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence

from omnicloud.contracts.kv import KV
from omnicloud.core.codec import BYTES
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.histories.events import Action, Call
from omnicloud_tck.histories.registers import CONFLICT, COUNTER, EXISTS, REGISTER
from omnicloud_tck.histories.subjects import Client, Finding, Modelled, Session
from omnicloud_tck.histories.versions import Versions, reused

__all__ = ["Conditional", "Counters", "Registers"]

_KEYS = ("x", "x", "y")
_SAME = "same"  # a value that many writes have, so that only versions tell them apart


class Registers(Modelled):
    """Reads, writes and deletions of a few keys."""

    model = REGISTER

    def draw(self, chance: random.Random, fresh: str) -> Action:
        key = chance.choice(_KEYS)
        verb = chance.choice(("get", "get", "get", "set", "set", "delete"))
        return Action(verb, key, (fresh,) if verb == "set" else ())

    def open(self, client: Client) -> Session:
        return _Client(KV(client.pipeline, BYTES), client.space)


class Conditional(Registers):
    """Writes and deletions over the version that a client has seen, or an older one."""

    def draw(self, chance: random.Random, fresh: str) -> Action:
        key = chance.choice(_KEYS)
        verb = chance.choice(
            ("entry", "entry", "set_at", "set_at", "set_at", "create", "set", "delete", "delete_at")
        )
        value = _SAME if chance.random() < 0.3 else fresh
        if verb in ("set_at", "delete_at"):
            return Action(verb, key, (value, chance.choice((0, 0, 0, 1))))
        return Action(verb, key, (value,) if verb in ("set", "create") else ())

    def judge(self, calls: Sequence[Call]) -> Finding | None:
        return reused(calls) or super().judge(calls)


class Counters(Modelled):
    """Additions to a few numbers."""

    model = COUNTER

    def draw(self, chance: random.Random, fresh: str) -> Action:
        key = chance.choice(_KEYS)
        verb = chance.choice(("add", "add", "add", "add", "get", "get", "put", "delete"))
        args = {"add": (chance.choice((1, 1, 2, -3, 10)),), "put": (chance.randrange(100),)}
        return Action(verb, key, args.get(verb, ()))

    def open(self, client: Client) -> Session:
        return _Counting(KV(client.pipeline, BYTES), client.space)


class _Client:
    def __init__(self, kv: KV[bytes], space: str) -> None:
        self._kv, self._space = kv, space
        self._versions = Versions()

    def resolve(self, action: Action) -> Action:
        return self._versions.resolve(action)

    async def perform(self, action: Action) -> Hashable:
        try:
            answer = await self._send(action)
        except AlreadyExistsError:
            return EXISTS
        except ConflictError:
            answer = CONFLICT
        self._versions.learn(action, answer)
        return answer

    async def _send(self, action: Action) -> Hashable:
        key, args = self._space + action.key, action.args
        match action.verb:
            case "get":
                return _text(await self._kv.get(key))
            case "entry":
                entry = await self._kv.get_entry(key)
                return None if entry is None else (_text(entry.value), entry.version)
            case "set":
                return await self._kv.set(key, str(args[0]).encode())
            case "create":
                return await self._kv.set(key, str(args[0]).encode(), if_absent=True)
            case "set_at":
                return await self._kv.set(key, str(args[0]).encode(), if_version=str(args[1]))
            case _:
                version = str(args[0]) if args else None
                return await self._kv.delete(key, if_version=version)


class _Counting:
    def __init__(self, kv: KV[bytes], space: str) -> None:
        self._kv, self._space = kv, space

    def resolve(self, action: Action) -> Action:
        return action

    async def perform(self, action: Action) -> Hashable:
        key, number = self._space + action.key, int(str(action.args[0])) if action.args else 0
        match action.verb:
            case "add":
                return await self._kv.increment(key, number)
            case "put":
                await self._kv.set(key, b"%d" % number)
                return None
            case "delete":
                return await self._kv.delete(key)
            case _:
                text = _text(await self._kv.get(key))
                return None if text is None else int(text)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
