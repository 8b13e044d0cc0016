"""Documents that are asked for by every verb: in odd names, and by many at once."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud_tck.programs.rushing import rushed
from omnicloud_tck.subjects.document_surveys import DocumentSurveys

__all__ = ["DocumentRushes"]


class DocumentRushes(DocumentSurveys):
    """Every verb of two clients, about one document or about each of many."""

    async def every(self, one: Documents, two: Documents, place: str, id_: str) -> None:
        """Every verb, about one document of a collection."""
        by: dict[str, Any] = {"_id": id_}
        await self.one(one, place, by, [])
        await self.told(two, place, id_, {"n": 1})
        await self.insert(one, place, id_, {"n": 2})
        await self.insert(one, place, f"{id_}, another", {"n": 1})
        await self.update(one, place, by, {"$inc": {"n": 1}}, False, "")
        await self.find(two, place, by, [], None)
        await self.count(one, place, {"n": 2})
        await self.replace(two, place, by, {"n": 3}, False, "")
        await self.entry(one, place, {"n": {"$gt": 2}}, "-_id")
        await self.delete(two, place, by, "")
        await self.upsert(one, place, by, {"$set": {"n": 4}}, True, "")
        await self.put(two, place, by, {"n": 5}, True, "")
        await self.pages(one, place, {}, [], 1)
        await self.delete(one, place, {"n": 5}, "")

    async def many(self, one: Documents, two: Documents, place: str, count: int) -> None:
        """Many calls of each verb at once, each about a document of its own."""
        turns = [((one, two)[number % 2], f"{number}") for number in range(count)]
        room = f"{place}&many"
        await rushed(self.told(client, room, id_, {"n": int(id_)}) for client, id_ in turns)
        await rushed(
            self.update(client, room, {"n": int(id_)}, {"$inc": {"m": 1}}, False, "")
            for client, id_ in turns
        )
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
