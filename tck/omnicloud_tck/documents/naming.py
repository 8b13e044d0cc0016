"""The laws of documents about indexes that are spelt alike, and values that changes make."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["NamingLaws"]

Fields = tuple[str, ...]

_LONG = "l" * 70  # characters; a name in Postgres has 63
_ALIKE: tuple[tuple[Fields, ...], ...] = (
    (("a.b",), ("a_b",), ("a", "b"), ("a-b",), ("ab",), ("A_B",), ("a.b_",), ("a,b",)),
    (("a b",), ("a_b",), ("a", "b"), ("a.b",)),
    (("a", "b_c"), ("a_b", "c"), ("a.b", "c"), ("a.b_c",), ("a_b_c",)),
    (("p", "q"), ("q", "p"), ("q",), ("p",)),
    ((f"{_LONG}1",), (f"{_LONG}2",), (f"{_LONG}.1",)),
    (("é",), ("e\u0301",), ("É",), ("%C3%A9",), ("é.0",)),
)
"""Fields of which a join, a fold or a cut makes one name: eight at most in a collection, for a
store may bound the unique indexes that each of its writes has to look at."""
_MANY = tuple(f"field-{number}" for number in range(12))
_ROOMS = (("c", ("d_e",)), ("c_d", ("e",)), ("c.d", ("e",)), ("c", ("d", "e")), ("C", ("d_e",)))
"""Collections and fields of which a join makes one name."""

_MADE: tuple[tuple[Fields, dict[str, Any], dict[str, Any], dict[str, Any]], ...] = (
    (("n",), {"n": 2}, {"n": 1}, {"$inc": {"n": 1}}),
    (("n",), {"n": 1}, {}, {"$inc": {"n": 1}}),
    (("n",), {"n": 2}, {"n": 2.5}, {"$inc": {"n": -0.5}}),
    (("a", "n"), {"a": "x", "n": 2}, {"a": "x", "n": 1}, {"$inc": {"n": 1}}),
    (("a", "n"), {"a": "x", "n": 2}, {"n": 1}, {"$inc": {"n": 1}, "$set": {"a": "x"}}),
    (("a", "n"), {"a": "x", "n": 2}, {"n": 2}, {"$set": {"a": "x"}}),
    (("l",), {"l": [1, 2]}, {"l": [1]}, {"$push": {"l": 2}}),
    (("l",), {"l": [1]}, {}, {"$push": {"l": 1}}),
    (("l.1",), {"l": [0, 2]}, {"l": [1]}, {"$push": {"l": 2}}),
    (("l.0",), {"l": [2]}, {"l": [1]}, {"$set": {"l.0": 2}}),
    (("d.e",), {"d": {"e": 1}}, {"d": {"f": 1}}, {"$set": {"d.e": 1}}),
    (("d.e",), {"d": {"e": 1}}, {"d": 5}, {"$set": {"d": {"e": 1, "f": 2}}}),
    (("d",), {"d": {"e": 1}}, {"d": {"e": 2}}, {"$set": {"d.e": 1}}),
    (("d",), {"d": {"e": 1}}, {"d": {"e": 1, "f": 2}}, {"$unset": {"d.f": ""}}),
    (("d",), {"d": {"e": {"n": 3}}}, {"d": {"e": {"n": 2}}}, {"$inc": {"d.e.n": 1}}),
    (("n",), {"n": None}, {"n": 1}, {"$set": {"n": None}}),
)
"""Fields of an index; a document that has them; another; and a change that gives it the same."""
_REAL = 6  # of them over a real backend, where an index may take seconds


class NamingLaws(Contract):
    """What an index is called is a matter of the store."""

    @law(
        "DOC-147",
        "Each unique index binds its own fields in its own collection, however alike another one's "
        "are spelt.",
        needs=[DocumentsFeature.INDEX],
    )
    async def indexes_are_apart(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        for kin in _ALIKE:
            for lot in (kin, kin[::-1]) if world.virtual else (kin,):
                place = f"{lot[0]}"
                for fields in lot:
                    await documents.create_index(place, fields, unique=True)
                for fields in lot:
                    await self._binds(other, place, fields)
        await self._binds_all(documents, other)
        for place, fields in _ROOMS:
            await documents.create_index(place, fields, unique=True)
        for place, fields in _ROOMS:
            await self._binds(other, place, fields)

    @law(
        "DOC-150",
        "A unique index binds what a change makes of a field, in whatever way it makes it.",
        needs=[DocumentsFeature.INDEX],
    )
    async def what_is_made_is_bound(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        some = _MADE if world.virtual else self.random.sample(_MADE, _REAL)
        for number, (fields, held, row, update) in enumerate(some):
            place, by = f"made-{number}", {"_id": "k"}
            await documents.create_index(place, fields, unique=True)
            await documents.insert_one(place, {**held, "_id": "held"})
            await documents.insert_one(place, {**row, **by})
            about = f"{update!r} of {row!r} beside {held!r}, where {fields!r} are unique"
            for client in (documents, other):
                with refused(AlreadyExistsError, about):
                    await client.update_one(place, by, update)
            equal({**row, **by}, await other.find_one(place, by), f"what is left after {about}")
            await other.delete_one(place, {"_id": "held"})
            result = await other.update_one(place, by, update)
            equal(1, result.modified, f"modified by the same where nothing is held: {about}")

    async def _binds_all(self, documents: Documents, other: Documents) -> None:
        """An index of many fields binds those that have all of them equal."""
        row = dict.fromkeys(_MANY, 1)
        await documents.create_index("many", _MANY, unique=True)
        for last in (1, 2):
            await other.insert_one("many", {**row, _MANY[-1]: last})
            with refused(AlreadyExistsError, f"a second document in an index of {len(_MANY)}"):
                await other.insert_one("many", {**row, _MANY[-1]: last})

    async def _binds(self, documents: Documents, place: str, fields: Fields) -> None:
        about = f"an index of {[field[-9:] for field in fields]} in {place[:9]!r}"
        row: dict[str, Any] = {}
        for field in fields:
            _put(row, field, 1)
        await documents.insert_one(place, {**row, "_id": "first"})
        with refused(AlreadyExistsError, f"a second document in {about}"):
            await documents.insert_one(place, {**row, "_id": "second"})
        equal(1, await documents.count(place), f"documents in {about}")
        await documents.delete_one(place, {"_id": "first"})


def _put(row: dict[str, Any], field: str, value: int) -> None:
    *above, last = field.split(".")
    for step in above:
        row = row.setdefault(step, {})
    row[last] = value
