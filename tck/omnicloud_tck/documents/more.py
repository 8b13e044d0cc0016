"""The laws of documents about replacing, versions, indexes, transactions and many writers."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    InvalidArgumentError,
    UnsupportedError,
)
from omnicloud_tck.check import each, equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.machine import Lab, drawn
from omnicloud_tck.probes import PlainSeal, Sealing
from omnicloud_tck.world import World

__all__ = ["MoreLaws"]

_CAS = [DocumentsFeature.COMPARE_AND_SET]
_INDEX = [DocumentsFeature.INDEX]
_TRANSACTION = [DocumentsFeature.TRANSACTION]

Step = tuple[str, int, str, int]


class MoreLaws(Contract):
    """What is promised of documents that several write."""

    @law("DOC-020", "A replacement keeps the _id and nothing else; an upsert inserts what it says.")
    async def replacing_and_upserting(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        await documents.insert_one("c", {"_id": "k", "a": 1, "b": 2})
        done = await documents.replace_one("c", {"a": 1}, {"c": 3})
        equal((1, 1), (done.matched, done.modified), "a replacement")
        equal({"_id": "k", "c": 3}, await documents.find_one("c", {}), "the replaced document")
        none = await documents.replace_one("c", {"_id": "l"}, {"c": 4})
        equal((0, None), (none.matched, none.upserted_id), "a replacement without a match")
        equal(1, await documents.count("c"), "documents after it")
        made = await documents.replace_one("c", {"_id": "l"}, {"c": 4}, upsert=True)
        equal((0, "l"), (made.matched, made.upserted_id), "an upsert by _id")
        equal({"_id": "l", "c": 4}, await documents.find_one("c", {"_id": "l"}), "what it made")
        update = {"$set": {"x.y": 1}, "$inc": {"n": 5}}
        by = {"kind": "new", "x.z": 2, "q": {"$gt": 3}}
        made = await documents.update_one("c", by, update, upsert=True)
        that(made.matched == 0 and made.upserted_id, "an upsert says no _id")
        found = await documents.find_one("c", {"_id": made.upserted_id or ""})
        expected = {"_id": made.upserted_id, "kind": "new", "x": {"z": 2, "y": 1}, "n": 5}
        equal(expected, found, "what an upsert made of filter and update")
        again = await documents.update_one("c", {"kind": "new"}, {"$inc": {"n": 1}}, upsert=True)
        equal((1, None), (again.matched, again.upserted_id), "an upsert that matches")
        with refused(AlreadyExistsError, "an upsert of an _id that another filter part excludes"):
            await documents.update_one("c", {"_id": "l", "c": 9}, {"$set": {"z": 1}}, upsert=True)
        equal(3, await documents.count("c"), "documents after all upserts")

    @law("DOC-021", "Concurrent updates of one document lose nothing.", rung=Rung.CONCURRENCY)
    async def no_update_is_lost(self, world: World[Any]) -> None:
        clients = [Documents(await world.pipeline()) for _ in range(3)]
        await clients[0].insert_one("c", {"_id": "k", "n": 0, "log": []})

        async def add(number: int) -> None:
            for turn in range(5):
                update = {"$inc": {"n": 1}, "$push": {"log": [number, turn]}}
                await clients[number % 3].update_one("c", {"_id": "k"}, update)

        async with asyncio.TaskGroup() as group:
            for number in range(9):
                group.create_task(add(number))
        found = await clients[0].find_one("c", {"_id": "k"}) or {}
        equal(45, found["n"], "45 additions of one")
        pairs = sorted([number, turn] for number in range(9) for turn in range(5))
        equal(pairs, sorted(found["log"]), "45 entries that were pushed")

    @law("DOC-022", "if_version changes that version and no other.", needs=_CAS)
    async def stale_versions_conflict(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        seen: list[str] = []
        await documents.insert_one("c", {"_id": "k", "n": 0})
        for number in (1, 0, 1):
            entry = await documents.find_entry("c", {"_id": "k"})
            that(entry is not None, "a document was not found")
            if entry is None:
                return
            that(entry.version not in seen, "a version came twice")
            seen.append(entry.version)
            update = {"$set": {"n": number}}
            done = await documents.update_one("c", {"n": 1 - number}, update, if_version=seen[-1])
            for stale in (*seen, "no such version"):
                await self._all_refused(documents, stale)
            equal(number, (await documents.find_one("c", {}) or {})["n"], "after refused writes")
            current = await documents.find_entry("c", {})
            equal(done.version, current and current.version, "the version an update answers")
        await documents.delete_one("c", {"_id": "k"}, if_version=done.version)
        await documents.insert_one("c", {"_id": "k", "n": 1})
        for stale in (*seen, done.version or ""):
            await self._all_refused(documents, stale)

    async def _all_refused(self, documents: Documents, stale: str) -> None:
        by = {"_id": "k"}
        for call in each(
            documents.update_one("c", by, {"$set": {"lost": 1}}, if_version=stale),
            documents.replace_one("c", by, {"lost": 1}, if_version=stale),
            documents.delete_one("c", by, if_version=stale),
            documents.delete_one("c", {"_id": "never"}, if_version=stale),
        ):
            with refused(ConflictError, "a write over a stale version"):
                await call

    @law(
        "DOC-023",
        "Of concurrent updates, replacements and deletions over one version, one wins.",
        needs=_CAS,
        rung=Rung.CONCURRENCY,
    )
    async def one_of_many_wins(self, world: World[Any]) -> None:
        clients = [Documents(await world.pipeline()) for _ in range(3)]
        for verbs in (("update",), ("delete", "replace"), ("delete", "update")):
            await clients[0].delete_one("c", {})
            await clients[0].insert_one("c", {"_id": "k", "by": None})
            entry = await clients[0].find_entry("c", {})
            version = entry.version if entry else ""
            ways = [verbs[n // 3 % len(verbs)] for n in range(12)]
            tries = [_over(clients[n % 3], way, n, version) for n, way in enumerate(ways)]
            answers = await asyncio.gather(*tries, return_exceptions=True)
            won = [n for n, a in enumerate(answers) if not isinstance(a, BaseException)]
            about = f"12 concurrent calls of {' and '.join(verbs)} of one version"
            equal(1, len(won), f"winners of {about}")
            equal(11, sum(isinstance(a, ConflictError) for a in answers), f"refused of {about}")
            found = await clients[0].find_one("c", {})
            left = None if ways[won[0]] == "delete" else {"_id": "k", "by": won[0]}
            equal(left, found, f"what is left by the winner of {about}")

    @law(
        "DOC-030", "A unique index refuses a second document in every way of writing.", needs=_INDEX
    )
    async def unique_indexes_are_kept(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for _ in range(2):
            await documents.create_index("c", ["mail", "t.n"], unique=True)
        await documents.insert_one("c", {"_id": "a", "mail": "x", "t": {"n": 1}})
        for free in (
            {"mail": "x", "t": {"n": 2}},
            {"mail": "x"},
            {"mail": "x"},
            {"t": {"n": 1}},
            {},
        ):
            await documents.insert_one("c", free)
        await documents.insert_one("c", {"mail": None, "t": {"n": 1}})
        await documents.insert_one("c", {"_id": "b", "mail": "x", "t": {"n": "1"}})
        await documents.insert_one("other", {"mail": "x", "t": {"n": 1}})
        count = await documents.count("c")
        by = {"_id": "b"}
        for call in each(
            documents.insert_one("c", {"mail": "x", "t": {"n": 1}}),
            documents.insert_one("c", {"mail": "x", "t": {"n": 1.0}}),
            documents.insert_one("c", {"mail": None, "t": {"n": 1}}),
            documents.update_one("c", by, {"$set": {"t.n": 1}}),
            documents.replace_one("c", by, {"mail": "x", "t": {"n": 1}}),
            documents.update_one("c", {"mail": "x", "t.n": 9}, {"$set": {"t.n": 1}}, upsert=True),
        ):
            with refused(AlreadyExistsError, "a second document in a unique index"):
                await call
        equal(count, await documents.count("c"), "documents after refused writes")
        found = await documents.find_one("c", by)
        equal({"_id": "b", "mail": "x", "t": {"n": "1"}}, found, "after refused updates")
        await documents.update_one("c", {"_id": "a"}, {"$set": {"note": "itself"}})
        await documents.update_one("c", {"_id": "a"}, {"$set": {"mail": "free"}})
        await documents.update_one("c", by, {"$set": {"t.n": 1}})
        await documents.delete_one("c", by)
        await documents.insert_one("c", {"mail": "x", "t": {"n": 1}})
        found = await documents.find_one("c", {"mail": "free", "t.n": 1})
        equal("a", found and found["_id"], "a document found by its index")

    @law(
        "DOC-031",
        "A unique index holds between concurrent writers.",
        needs=_INDEX,
        rung=Rung.CONCURRENCY,
    )
    async def unique_indexes_hold_in_a_race(self, world: World[Any]) -> None:
        clients = [Documents(await world.pipeline()) for _ in range(3)]
        await clients[0].create_index("c", "mail", unique=True)
        for turn in range(3):
            tries = (clients[n % 3].insert_one("c", {"mail": f"m{turn}"}) for n in range(12))
            answers = await asyncio.gather(*tries, return_exceptions=True)
            lost = sum(isinstance(answer, AlreadyExistsError) for answer in answers)
            equal(11, lost, "refused ones of 12 concurrent insertions")
            equal(1, await clients[0].count("c", {"mail": f"m{turn}"}), "documents of one value")

    @law("DOC-032", "An index that cannot be made is refused, and changes nothing.", needs=_INDEX)
    async def impossible_indexes_are_refused(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for _ in range(2):
            await documents.insert_one("c", {"a": 1, "b": 2})
        with refused(ConflictError, "a unique index over documents that are not"):
            await documents.create_index("c", "a", unique=True)
        await documents.insert_one("c", {"a": 1})
        await documents.create_index("c", "b")
        with refused(ConflictError, "an index that is there in the other way"):
            await documents.create_index("c", "b", unique=True)
        await documents.insert_one("c", {"b": 2})
        equal(3, await documents.count("c", {"b": 2}), "documents found by an index")
        equal(3, await documents.count("c", {"a": 1}), "documents found without one")

    @law(
        "DOC-040",
        "A transaction happens whole or not at all, and reads its own writes.",
        needs=_TRANSACTION,
        rung=Rung.CONCURRENCY,
    )
    async def transactions_are_atomic(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        await documents.insert_one("c", {"_id": "k", "n": 0})
        with refused(ZeroDivisionError, "the error of the block"):
            async with documents.transaction() as inside:
                await inside.update_one("c", {"_id": "k"}, {"$inc": {"n": 1}})
                await inside.insert_one("d", {"_id": "l"})
                equal(1, (await inside.find_one("c", {}) or {})["n"], "its own write, inside")
                equal(0, (await other.find_one("c", {}) or {})["n"], "seen outside before the end")
                raise ZeroDivisionError
        equal(0, (await other.find_one("c", {}) or {})["n"], "after a rollback")
        equal(0, await other.count("d"), "insertions after a rollback")
        async with documents.transaction() as inside:
            await inside.update_one("c", {"_id": "k"}, {"$inc": {"n": 1}})
            await inside.insert_one("d", {"_id": "l"})
            await inside.delete_one("c", {"n": 0})
            equal(0, await other.count("d"), "insertions seen outside before the end")
        equal(1, (await other.find_one("c", {}) or {})["n"], "after the commit")
        equal(1, await other.count("d"), "insertions after the commit")
        with refused(AlreadyExistsError, "a failing write"):
            async with documents.transaction() as inside:
                await inside.update_one("c", {"_id": "k"}, {"$inc": {"n": 1}})
                await inside.insert_one("d", {"_id": "l"})
        equal(1, (await other.find_one("c", {}) or {})["n"], "after the last write failed")

    @law(
        "DOC-041",
        "A document of document_max_bytes is kept, a longer one refused.",
        rung=Rung.SHAPE,
    )
    async def the_limit_is_true(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        limit = documents.pipeline.driver.limits.document_max_bytes
        size = min(limit, 2 << 20) - len('{"_id":"k","v":""}')
        await documents.insert_one("c", {"_id": "k", "v": "x" * size})
        found = await documents.find_one("c", {"_id": "k"})
        that(found == {"_id": "k", "v": "x" * size}, "a long document came back changed")
        if limit > 2 << 20:
            return
        with refused(InvalidArgumentError, "a document over the limit"):
            await documents.insert_one("c", {"_id": "l", "v": "x" * (size + 1)})
        with refused(InvalidArgumentError, "an update over the limit"):
            await documents.update_one("c", {"_id": "k"}, {"$set": {"w": "x"}})
        that(await documents.find_one("c", {}) == found, "a refused update changed the document")

    @law(
        "DOC-042",
        "Sealed documents are found by _id; what needs to see them is refused.",
        rung=Rung.TRUST,
    )
    async def sealed_documents_work(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline(Sealing(PlainSeal())))
        given = {"_id": "k", "name": "canary", "nested": {"a": [1, None]}}
        await documents.insert_one("c", given)
        equal(given, await documents.find_one("c", {"_id": "k"}), "a sealed document")
        await documents.update_one("c", {"_id": "k"}, {"$set": {"n": 1}, "$unset": {"nested": 1}})
        expected = {"_id": "k", "name": "canary", "n": 1}
        equal([expected], await documents.find_many("c", {"n": {"$exists": True}}), "updated")
        by = {"_id": "k"}
        for call in each(
            documents.find_many("c", {"name": "canary"}),
            documents.find_many("c", {}, sort="name"),
            documents.count("c", {"nested.a": {"$exists": True}}),
            documents.update_one("c", by, {"$inc": {"n": 1}}),
            documents.update_one("c", by, {"$push": {"l": 1}}),
            documents.update_one("c", by, {"$set": {"nested.b": 1}}),
            documents.delete_one("c", {"name": "canary"}),
        ):
            with refused(UnsupportedError, "what needs the service to see a sealed field"):
                await call
        equal(expected, await documents.find_one("c", by), "after refused calls")

    @law(
        "DOC-050",
        "Any sequence of operations of two clients does what a dictionary would.",
        machine=True,
    )
    def any_sequence_holds(self, lab: Lab) -> None:
        verbs = ("insert", "set", "inc", "replace", "upsert", "delete", "delete_n", "find", "count")
        steps = st.lists(
            st.tuples(
                st.sampled_from(verbs),
                st.integers(0, 1),
                st.sampled_from(("a", "b", "c", "B")),
                st.integers(0, 2),
            ),
            max_size=14,
        )

        async def opened() -> list[Documents]:
            return [Documents(await lab.world.pipeline()) for _ in range(2)]

        clients, collections = lab.run(opened()), itertools.count()

        @drawn(lab)
        @given(steps)
        def trial(given_steps: list[Step]) -> None:
            lab.run(_follow(clients, f"m{next(collections)}", given_steps))

        trial()


async def _follow(clients: list[Documents], collection: str, steps: list[Step]) -> None:
    held: dict[str, dict[str, Any]] = {}
    for verb, client, key, number in steps:
        await _step(clients[client], collection, held, (verb, key, number))
        found = await clients[1 - client].find_many(collection, {})
        equal([held[name] for name in sorted(held)], found, f"documents after {verb} {key!r}")


async def _step(
    documents: Documents,
    collection: str,
    held: dict[str, dict[str, Any]],
    step: tuple[str, str, int],
) -> None:
    verb, key, number = step
    by = {"_id": key}
    if verb == "insert":
        try:
            await documents.insert_one(collection, {"_id": key, "n": number})
        except AlreadyExistsError:
            that(key in held, f"insert {key!r} was refused, and it is not there")
        else:
            that(key not in held, f"insert {key!r} succeeded, and it was there")
            held[key] = {"_id": key, "n": number}
    elif verb in ("set", "inc"):
        done = await documents.update_one(collection, by, {f"${verb}": {"n": number, "m": 1}})
        equal(int(key in held), done.matched, f"matches of {verb} {key!r}")
        if key in held:
            base = held[key] if verb == "inc" else {}
            held[key] = {**held[key], "n": base.get("n", 0) + number, "m": base.get("m", 0) + 1}
    elif verb in ("replace", "upsert"):
        new = {"r": number}
        done = await documents.replace_one(collection, by, new, upsert=verb == "upsert")
        equal(int(key in held), done.matched, f"matches of {verb} {key!r}")
        if key in held or verb == "upsert":
            held[key] = {"_id": key, "r": number}
    elif verb == "delete":
        equal(held.pop(key, None) is not None, await documents.delete_one(collection, by), "delete")
    elif verb == "delete_n":
        chosen = min((name for name, row in held.items() if row.get("n") == number), default=None)
        deleted = await documents.delete_one(collection, {"n": number})
        equal(chosen is not None, deleted, f"delete where n is {number}")
        held.pop(chosen or "", None)
    else:
        expected = [held[name] for name in sorted(held) if held[name].get("n", -1) >= number]
        if verb == "find":
            found = await documents.find_many(collection, {"n": {"$gte": number}})
            equal(expected, found, f"documents with n from {number}")
        else:
            count = await documents.count(collection, {"n": {"$gte": number}})
            equal(len(expected), count, f"count of documents with n from {number}")


async def _over(documents: Documents, way: str, number: int, version: str) -> object:
    """Change the one document of a collection over a version."""
    if way == "delete":
        return await documents.delete_one("c", {}, if_version=version)
    if way == "replace":
        return await documents.replace_one("c", {}, {"by": number}, if_version=version)
    return await documents.update_one("c", {}, {"$set": {"by": number}}, if_version=version)
