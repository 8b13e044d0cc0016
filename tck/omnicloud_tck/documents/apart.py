"""The laws of unique indexes, transactions and tenants beyond the usual cases."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError, ConflictError
from omnicloud_tck.check import each, equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.telling import everything, refusal, tells
from omnicloud_tck.world import World

__all__ = ["ApartLaws"]

_INDEX = [DocumentsFeature.INDEX]
_TRANSACTION = [DocumentsFeature.TRANSACTION]
_CANARY = "canary-77ab03"

Call = Coroutine[Any, Any, object]


class ApartLaws(Contract):
    """What holds for every way of writing, and for one tenant beside another."""

    @law("DOC-070", "A unique index binds every way of writing, and every client.", needs=_INDEX)
    async def unique_indexes_bind_all(self, world: World[Any]) -> None:
        documents, other = await self._indexed(world)
        await self._is_bound(documents)
        await self._is_bound(other)
        await self._is_bound(Documents(await world.pipeline()))

    @law(
        "DOC-076",
        "A unique index lasts through an outage.",
        needs=_INDEX,
        abilities=[Ability.OUTAGE],
    )
    async def unique_indexes_last(self, world: World[Any]) -> None:
        documents, other = await self._indexed(world)
        async with world.outage():
            await refusal(documents.insert_one("c", {"mail": "z"}), "a write in an outage")
        await self._is_bound(documents)
        await self._is_bound(other)

    async def _indexed(self, world: World[Any]) -> tuple[Documents, Documents]:
        """Two clients of a collection with a unique index and two documents in it."""
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        await documents.create_index("c", "mail", unique=True)
        await documents.insert_one("c", {"_id": "taken", "mail": "x"})
        await other.insert_one("c", {"_id": "other", "mail": "y"})
        return documents, other

    async def _is_bound(self, documents: Documents) -> None:
        other = {"_id": "other"}
        calls: tuple[Call, ...] = (
            documents.insert_one("c", {"mail": "x"}),
            documents.update_one("c", other, {"$set": {"mail": "x"}}),
            documents.update_one("c", {"mail": "y"}, {"$set": {"mail": "x", "n": 1}}),
            documents.replace_one("c", other, {"mail": "x"}),
            documents.update_one("c", {"_id": "new"}, {"$set": {"mail": "x"}}, upsert=True),
            documents.update_one("c", {"mail": "x", "n": 5}, {"$set": {"m": 1}}, upsert=True),
            documents.replace_one("c", {"_id": "new"}, {"mail": "x"}, upsert=True),
        )
        for call in each(*calls):
            with refused(AlreadyExistsError, "a second document in a unique index"):
                await call
        expected = [{"_id": "other", "mail": "y"}, {"_id": "taken", "mail": "x"}]
        equal(expected, await documents.find_many("c", {}), "after refused writes")

    @law(
        "DOC-071",
        "Of concurrent writes of any kind one has a value in a unique index.",
        needs=_INDEX,
        rung=Rung.CONCURRENCY,
    )
    async def one_of_all_kinds_wins(self, world: World[Any]) -> None:
        clients = [Documents(await world.pipeline()) for _ in range(3)]
        await clients[0].create_index("c", "mail", unique=True)
        for turn in range(3):
            mail = {"mail": f"m{turn}"}
            for number in range(3):
                await clients[0].insert_one("c", {"_id": f"{turn}-{number}"})
            calls: list[Call] = []
            for number, documents in enumerate(clients):
                by, new = {"_id": f"{turn}-{number}"}, {"_id": f"{turn}-new-{number}"}
                calls.append(documents.update_one("c", new, {"$set": mail}, upsert=True))
                calls.append(documents.replace_one("c", by, mail))
                calls.append(documents.insert_one("c", mail))
            answers = await asyncio.gather(*calls, return_exceptions=True)
            lost = sum(isinstance(answer, AlreadyExistsError) for answer in answers)
            equal(len(calls) - 1, lost, "refused ones of concurrent writes of one value")
            equal(1, await clients[0].count("c", mail), "documents of one value")

    @law("DOC-072", "A unique index binds one tenant, not another.", needs=_INDEX, rung=Rung.TRUST)
    async def indexes_stay_at_home(self, world: World[Any]) -> None:
        rooms = [
            Documents(await world.pipeline(Scoping(tenant))) for tenant in ("acme", "acme2", None)
        ]
        await rooms[2].insert_one("c", {"mail": "x"})
        await rooms[0].create_index("c", "mail", unique=True)
        for documents in rooms:
            await documents.insert_one("c", {"mail": "x"})
            await documents.insert_one("c", {"mail": "y"})
        for documents in (rooms[1], rooms[2]):
            await documents.insert_one("c", {"mail": "x"})
        with refused(AlreadyExistsError, "a second document in a unique index"):
            await rooms[0].insert_one("c", {"mail": "x"})
        counts = [await documents.count("c", {"mail": "x"}) for documents in rooms]
        equal([1, 2, 3], counts, "documents of the three tenants")
        for documents in rooms:
            await documents.create_index("d", "mail", unique=True)
            await documents.insert_one("d", {"mail": "x"})
            with refused(AlreadyExistsError, "a second document in a tenant's own unique index"):
                await documents.insert_one("d", {"mail": "x"})

    @law("DOC-073", "The error of a refused call and its causes tell no value.", rung=Rung.TRUST)
    async def refusals_tell_no_value(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        features = documents.pipeline.driver.features
        row = {"_id": "k", "text": _CANARY, "l": [_CANARY], "n": 1}
        await documents.insert_one("c", row)
        by = {"_id": "k"}
        calls: list[Call] = [
            documents.insert_one("c", row),
            documents.update_one("c", by, {"$inc": {"text": 1}}),
            documents.update_one("c", by, {"$push": {"text": _CANARY}}),
            documents.update_one("c", by, {"$set": {"text.deep": _CANARY}}),
            documents.update_one("c", {**by, "n": 2}, {"$set": {"text": _CANARY}}, upsert=True),
        ]
        if DocumentsFeature.INDEX in features:
            await documents.create_index("c", "text", unique=True)
            calls.append(documents.insert_one("c", {"text": _CANARY}))
            await documents.insert_one("d", {"text": _CANARY})
            await documents.insert_one("d", {"text": _CANARY})
            calls.append(documents.create_index("d", "text", unique=True))
        if DocumentsFeature.COMPARE_AND_SET in features:
            update = {"$set": {"text": _CANARY}}
            calls.append(documents.update_one("c", by, update, if_version="stale"))
        for call in each(*calls):
            told = everything(await refusal(call, "a call that cannot be done"))
            that(not tells(told, _CANARY), "an error tells a value")

    @law(
        "DOC-074",
        "A transaction sees its own writes and deletions by every way of reading.",
        needs=_TRANSACTION,
    )
    async def transactions_see_themselves(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for id_ in ("a", "b"):
            await documents.insert_one("c", {"_id": id_, "n": 0})
        async with documents.transaction() as inside:
            await inside.delete_one("c", {"_id": "a"})
            await self._sees(inside, [{"_id": "b", "n": 0}])
            await inside.update_one("c", {"_id": "b"}, {"$set": {"n": 1}})
            await inside.insert_one("c", {"_id": "c", "n": 1})
            await self._sees(inside, [{"_id": "b", "n": 1}, {"_id": "c", "n": 1}])
            await inside.delete_one("c", {"n": 1})
            await inside.delete_one("c", {"n": 1})
            await self._sees(inside, [])
            await inside.replace_one("c", {"_id": "a"}, {"n": 2}, upsert=True)
            await self._sees(inside, [{"_id": "a", "n": 2}])
        await self._sees(documents, [{"_id": "a", "n": 2}])

    async def _sees(self, documents: Documents, expected: list[dict[str, Any]]) -> None:
        equal(expected, await documents.find_many("c", {}), "documents")
        for sort in ((), "n", ["missing", "_id"]):
            pages = documents.iterate("c", sort=sort, page_size=1)
            paged = [entry.document async for entry in pages]
            equal(expected, paged, f"documents by {sort!r}, by pages")
        entry = await documents.find_entry("c", {}, sort="-_id")
        equal(expected[-1:], [entry.document] if entry else [], "the last document")
        equal(len(expected), await documents.count("c"), "their count")
        for id_ in "abc":
            row = next((row for row in expected if row["_id"] == id_), None)
            equal(row, await documents.find_one("c", {"_id": id_}), f"document {id_!r}")
            count = await documents.count("c", {"_id": id_, "n": {"$gte": 0}})
            equal(int(row is not None), count, f"the count of {id_!r}")

    @law(
        "DOC-075",
        "After its end a transaction takes nothing more: what is sent in it is refused.",
        needs=_TRANSACTION,
        rung=Rung.RESILIENCE,
    )
    async def ended_transactions_are_over(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        by = {"_id": "k"}
        await documents.insert_one("c", {**by, "n": 0})
        for fails in (False, True):
            try:
                async with documents.transaction() as inside:
                    await inside.update_one("c", by, {"$set": {"n": 1}})
                    if fails:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                equal(True, fails, "whether it was to fail")
            calls: tuple[Call, ...] = (
                inside.insert_one("c", {"_id": "late"}),
                inside.update_one("c", by, {"$set": {"n": 2}}),
                inside.replace_one("c", {"_id": "late"}, {}, upsert=True),
                inside.delete_one("c", by),
            )
            for call in each(*calls):
                with refused(ConflictError, "a write in a transaction that has ended"):
                    await call
            equal([{**by, "n": 1}], await documents.find_many("c", {}), "after refused writes")
