"""The law of updates of which a part is refused."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud.errors import ConflictError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["RefusingLaws"]

_ROW = {"_id": "k", "b": 1, "list": [1], "gone": 1, "m": "text", "most": (1 << 63) - 1}
_GOOD: tuple[dict[str, Any], ...] = (
    {"$set": {"a": 5}},
    {"$set": {"z": 5}},
    {"$inc": {"b": 1}},
    {"$push": {"list": 2}},
    {"$unset": {"gone": ""}},
)
_BAD: tuple[dict[str, Any], ...] = (
    {"$inc": {"m": 1}},
    {"$push": {"m": 1}},
    {"$set": {"m.x": 1}},
    {"$inc": {"most": 1}},
    {"$set": {"list.7": 1}},
    {"$unset": {"list.0": ""}},
)


class RefusingLaws(Contract):
    """All changes or none."""

    @law(
        "DOC-136",
        "An update of which one change is refused changes nothing, whatever stands before it.",
    )
    async def refused_updates_change_nothing(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        await documents.insert_one("c", _ROW)
        before = await documents.find_entry("c", {"_id": "k"})
        for good in _GOOD:
            for bad in _BAD:
                for one, two in ((good, bad), (bad, good)):
                    update = _joined(one, two)
                    if update is None:
                        continue
                    with refused(ConflictError, f"{update!r}"):
                        await documents.update_one("c", {"_id": "k"}, update)
                    found = await documents.find_entry("c", {"_id": "k"})
                    equal(before, found, f"the document after the refused {update!r}")


def _joined(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any] | None:
    """Both in one update, unless they meet on one field."""
    names = [path.split(".")[0] for part in (one, two) for path in next(iter(part.values()))]
    if len(set(names)) < len(names):
        return None
    made: dict[str, Any] = {}
    for part in (one, two):
        for operator, fields in part.items():
            made[operator] = {**made.get(operator, {}), **fields}
    return made
