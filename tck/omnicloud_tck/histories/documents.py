"""Histories of documents: registers with versions, and numbers in fields."""

from __future__ import annotations

import random
from collections.abc import Hashable
from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.histories.events import Action
from omnicloud_tck.histories.registers import CONFLICT, COUNTER, EXISTS, REGISTER
from omnicloud_tck.histories.subjects import Client, Modelled, Session
from omnicloud_tck.histories.versions import Versions

__all__ = ["ConditionalDocuments", "DocumentRegisters", "FieldCounters"]

_KEYS = ("x", "x", "y")


class DocumentRegisters(Modelled):
    """Insertions, replacements, reads and deletions of a few documents."""

    model = REGISTER
    verbs: tuple[str, ...] = ("get", "get", "get", "set", "set", "create", "delete")

    def draw(self, chance: random.Random, fresh: str) -> Action:
        key, verb = chance.choice(_KEYS), chance.choice(self.verbs)
        if verb.endswith("_at"):
            return Action(verb, key, (fresh, chance.choice((0, 0, 0, 1))))
        return Action(verb, key, (fresh,) if verb in ("set", "create") else ())

    def open(self, client: Client) -> Session:
        return _Editor(Documents(client.pipeline), client.space)


class ConditionalDocuments(DocumentRegisters):
    """Changes of the version that a client has seen, or of an older one."""

    verbs = (
        "entry",
        "entry",
        "set_at",
        "set_at",
        "swap_at",
        "swap_at",
        "set",
        "create",
        "delete_at",
    )


class FieldCounters(Modelled):
    """Additions to a field, which inserts the document where there is none."""

    model = COUNTER
    last = (Action("get", "x"), Action("get", "y"))

    def draw(self, chance: random.Random, fresh: str) -> Action:
        verb = chance.choice(("bump", "bump", "bump", "get", "get", "delete"))
        delta = (chance.choice((1, 1, 2, -3)),) if verb == "bump" else ()
        return Action(verb, chance.choice(_KEYS), delta)

    def open(self, client: Client) -> Session:
        return _Adder(Documents(client.pipeline), client.space)


class _Editor:
    def __init__(self, documents: Documents, space: str) -> None:
        self._documents, self._space = documents, space
        self._versions = Versions()

    def resolve(self, action: Action) -> Action:
        return self._versions.resolve(action)

    async def perform(self, action: Action) -> Hashable:
        try:
            answer = await self._send(action, {"_id": action.key})
        except AlreadyExistsError:
            return EXISTS
        except ConflictError:
            answer = CONFLICT
        self._versions.learn(action, answer)
        return answer

    async def _send(self, action: Action, which: dict[str, Any]) -> Hashable:
        value = {"value": str(action.args[0])} if action.args else {}
        match action.verb:
            case "get":
                found = await self._documents.find_one(self._space, which)
                return None if found is None else str(found["value"])
            case "entry":
                entry = await self._documents.find_entry(self._space, which)
                return None if entry is None else (str(entry.document["value"]), entry.version)
            case "create":
                await self._documents.insert_one(self._space, {**which, **value})
                return None
            case "set":
                done = await self._documents.replace_one(self._space, which, value, upsert=True)
                return done.version
            case "set_at":
                done = await self._documents.update_one(
                    self._space, which, {"$set": value}, if_version=str(action.args[1])
                )
                return done.version
            case "swap_at":
                done = await self._documents.replace_one(
                    self._space, which, value, if_version=str(action.args[1])
                )
                return done.version
            case _:
                version = str(action.args[0]) if action.args else None
                return await self._documents.delete_one(self._space, which, if_version=version)


class _Adder:
    def __init__(self, documents: Documents, space: str) -> None:
        self._documents, self._space = documents, space

    def resolve(self, action: Action) -> Action:
        return action

    async def perform(self, action: Action) -> Hashable:
        which = {"_id": action.key}
        if action.verb == "bump":
            change = {"$inc": {"n": action.args[0]}}
            await self._documents.update_one(self._space, which, change, upsert=True)
            return None
        if action.verb == "delete":
            return await self._documents.delete_one(self._space, which)
        found = await self._documents.find_one(self._space, which)
        return None if found is None else int(found["n"])
