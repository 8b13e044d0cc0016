"""The laws of documents about changes that make one longer, or begin what was not there."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents, literal
from omnicloud.contracts.documents.values import encoded
from omnicloud.errors import InvalidArgumentError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["GrowingLaws"]

_SENT_BYTES = 1 << 20  # of a document, at most, where it goes over a wire again and again
_GROWING: tuple[dict[str, Any], ...] = (
    {"$push": {"l": 1}},
    {"$inc": {"n": 1}},
)
_BEGUN: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    ({"$set": {"a.0": 1}}, {"a": {"0": 1}}),
    ({"$set": {"a.0.0": 1}}, {"a": {"0": {"0": 1}}}),
    ({"$set": {"a.1.e": 1, "a.0": 2}}, {"a": {"1": {"e": 1}, "0": 2}}),
    ({"$inc": {"a.0": 1}}, {"a": {"0": 1}}),
    ({"$inc": {"a.7.n": 0.5}}, {"a": {"7": {"n": 0.5}}}),
    ({"$push": {"a.0": 1}}, {"a": {"0": [1]}}),
    ({"$push": {"a.e": [1]}}, {"a": {"e": [[1]]}}),
    ({"$set": {"d.a.0": 1}}, {"d": {"a": {"0": 1}}}),
    ({"$push": {"l.0.n": 1}}, {"l": [{"n": [1]}]}),
    ({"$set": {"l.0.0": 1}}, {"l": [{"0": 1}]}),
)
"""Changes of ``{"d": {}, "l": [{}]}``, with what they make."""


_UNSTORED: tuple[Any, ...] = ({"$ne": "x"}, {"a": {"$b": 1}}, [{"$in": []}])
"""Values that can be looked for, and that no document holds."""


class GrowingLaws(Contract):
    """A limit holds for what a change makes, not only for what is sent."""

    @law(
        "DOC-148",
        "No change of any kind makes a document longer than document_max_bytes "
        "(tried up to 1 MiB where time is real).",
    )
    async def nothing_outgrows_the_limit(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        limit = documents.pipeline.driver.limits.document_max_bytes
        if limit > _SENT_BYTES and not world.virtual:
            return
        by = {"_id": "k"}
        row: dict[str, Any] = {**by, "l": [], "n": 9, "v": ""}
        row["v"] = "x" * (limit - len(encoded(row)))
        await documents.insert_one("c", row)
        for update in _GROWING:
            with refused(InvalidArgumentError, f"{update!r} of a document as long as can be"):
                await documents.update_one("c", by, update)
        with refused(InvalidArgumentError, "an upsert of a filter and a change too long together"):
            await documents.update_one(
                "c", {"_id": "new", "w": "w" * 99}, {"$set": {"v": row["v"]}}, upsert=True
            )
        that([row] == await documents.find_many("c"), "refused changes left something")

    @law("DOC-173", "An upsert inserts nothing that could not be inserted.")
    async def upserts_insert_what_inserts_do(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for value in _UNSTORED:
            by = {"name": literal(value)}
            for filter_ in (by, {"$and": [by, {"n": 1}]}, {"name": {"$eq": literal(value)}}):
                with refused(InvalidArgumentError, f"an upsert by {filter_}"):
                    await documents.update_one("c", filter_, {"$set": {"m": 1}}, upsert=True)
        equal([], await documents.find_many("c"), "what was inserted")

    @law("DOC-151", "What a change begins it begins with dicts, also where names are numbers.")
    async def dicts_are_begun(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for number, (update, made) in enumerate(_BEGUN):
            by = {"_id": f"k{number}"}
            row: dict[str, Any] = {"d": {}, "l": [{}]}
            await documents.insert_one("c", {**by, **row})
            await documents.update_one("c", by, update)
            expected = {**by, **row, **made}
            equal(expected, await documents.find_one("c", by), f"what {update!r} makes")
            if "l" not in made:
                await documents.update_one("d", by, update, upsert=True)
                upserted = await documents.find_one("d", by)
                equal({**by, **made}, upserted, f"what an upsert by {update!r} makes")
