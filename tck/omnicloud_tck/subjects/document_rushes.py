"""Documents that are asked for by every verb: in odd names, and by many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud_tck.programs.rushing import rushed
from omnicloud_tck.subjects.document_surveys import DocumentSurveys
from omnicloud_tck.subjects.plain import Plain

__all__ = ["DocumentRushes"]

Ask = Callable[..., Awaitable[object]]
"""Takes what asks for something and compares, and does it by one client or another."""


class DocumentRushes(DocumentSurveys):
    """Every verb of two clients, about one document or about each of many."""

    async def every(self, ask: Ask, place: str, id_: str, more: Plain) -> None:
        """Every verb, about one document of a collection."""
        by: dict[str, Any] = {"_id": id_}
        await ask(self.one, place, by, [])
        await ask(self.told, place, id_, {"n": 1, "o": 0, **more})
        await ask(self.insert, place, id_, {"n": 2})
        await ask(self.insert, place, f"{id_}, another", {"n": 1})
        await ask(self.insert, place, f"{id_}, other", {"n": 7, "o": 0})
        await ask(self.update, place, by, {"$inc": {"n": 1}}, False, "")
        await ask(self.find, place, by, [], None)
        await ask(self.count, place, {"n": 2})
        await ask(self.replace, place, by, {"n": 3, **more}, False, "")
        await ask(self.entry, place, {"n": {"$lt": 4}}, "-_id")
        await ask(self.delete, place, by, "")
        await ask(self.upsert, place, by, {"$set": {"n": 4, **more}}, True, "")
        await ask(self.put, place, by, {"n": 5}, True, "")
        await ask(self.pages, place, {}, [], 1)
        await ask(self.delete, place, {"n": 5}, "")

    async def many(self, one: Documents, two: Documents, place: str, count: int) -> None:
        """Many calls of each verb at once, each about a document of its own."""
        turns = [((one, two)[number % 2], f"{number}") for number in range(count)]
        room = f"{place}&many"
        await rushed(self.told(client, room, id_, {"n": int(id_)}) for client, id_ in turns)
        await rushed(
            self.update(client, room, {"n": int(id_)}, {"$inc": {"m": 1}}, False, "")
            for client, id_ in turns
        )
        await self.pages(one, room, {}, [], 1000)
        await rushed(self.count(client, room, {"n": {"$gte": int(id_)}}) for client, id_ in turns)
        await rushed(
            self.replace(client, room, {"_id": id_}, {"n": -int(id_)}, False, "")
            for client, id_ in turns
        )
        await rushed(self.find(client, room, {"n": -int(id_)}, [], None) for client, id_ in turns)
        await rushed(
            self.put(client, room, {"_id": f"{id_}+"}, {"n": 1}, True, "") for client, id_ in turns
        )
        await rushed(self.delete(client, room, {"_id": id_}, "") for client, id_ in turns)
        await rushed(self.entry(client, room, {"_id": f"{id_}+"}, []) for client, id_ in turns)
        await rushed(self.delete(client, room, {"_id": f"{id_}+"}, "") for client, id_ in turns)
        await self.pages(one, room, {}, [], 1000)
