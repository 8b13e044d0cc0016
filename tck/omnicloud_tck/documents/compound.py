"""The law of documents about unique indexes of several fields whose values a join makes one."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents, DocumentsFeature
from omnicloud.errors import AlreadyExistsError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.seams import SEAMS
from omnicloud_tck.world import World

__all__ = ["CompoundLaws"]

_SEAMS = tuple(dict.fromkeys((*SEAMS, ", ", "','", '","', "\\", "\x1e", "\u0001")))
_TWO, _THREE = ("one", "two"), ("n", "one", "two")

Row = dict[str, Any]


class CompoundLaws(Contract):
    """What is equal in a unique index is equal field by field."""

    @law(
        "DOC-171",
        "A unique index of several fields refuses what is equal in each of them, and not what a "
        "join alone would make equal.",
        needs=[DocumentsFeature.INDEX],
    )
    async def joined_values_are_apart(self, world: World[Any]) -> None:
        documents, other = Documents(await world.pipeline()), Documents(await world.pipeline())
        for fields in (_TWO, _THREE):
            place = f"of-{len(fields)}"
            await documents.create_index(place, fields, unique=True)
            rows = [row for number, seam in enumerate(_SEAMS) for row in _rows(number, seam)]
            for number, row in enumerate(rows):
                await (documents, other)[number % 2].insert_one(place, {**row, "_id": f"{number}"})
            about = f"documents in a unique index of {len(fields)} fields"
            equal(len(rows), await other.count(place), about)
            for number, row in enumerate(rows[:: 1 if world.virtual else 9]):
                with refused(AlreadyExistsError, f"a second {row!r} in {about}"):
                    await other.insert_one(place, {**row, "_id": f"again-{number}"})
            await self._are_changed(documents, place, rows)

    async def _are_changed(self, documents: Documents, place: str, rows: list[Row]) -> None:
        """The same where a change makes of one what a join alone would make another."""
        kin = {"n": "m", "one": "a:b", "two": "c"}
        await documents.insert_one(place, {**kin, "_id": "kin"})
        await documents.insert_one(place, {"n": "m", "one": "a", "two": "x", "_id": "changed"})
        by = {"_id": "changed"}
        await documents.update_one(place, by, {"$set": {"two": "b:c"}})
        found = await documents.find_one(place, by)
        equal("b:c", found and found["two"], "what a change made of a field")
        with refused(AlreadyExistsError, "a change to what another has"):
            await documents.update_one(place, by, {"$set": {"one": "a:b", "two": "c"}})


def _rows(number: int, seam: str) -> list[Row]:
    """Documents that are one where two fields, or any two kinds of value, are joined."""
    a, b, c = (f"{letter}{number}" for letter in "abc")
    pairs: list[tuple[Any, Any]] = [
        (f"{a}{seam}{b}", c),
        (a, f"{b}{seam}{c}"),
        *(((f"{a}{seam}", c), (a, f"{seam}{c}")) if seam else ()),
        ([a, b], c),
        (a, [b, c]),
        (f"{number}", number),
        (number, f"{number}"),
    ]
    return [{"n": "n", "one": one, "two": two} for one, two in pairs]
