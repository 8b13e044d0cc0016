"""The law of documents about values that are alike, at any depth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["AlikeLaws"]

_KINDS: tuple[tuple[Any, ...], ...] = (
    (1, 1.0),
    (True,),
    (0, 0.0),
    (False,),
    ("1",),
    (b"1",),
    ("",),
    (b"",),
    (None,),
)
"""Values of one kind are equal; those of two are not, whatever a language or a text says."""
_AROUND: dict[str, Callable[[Any], Any]] = {
    "it": lambda value: value,
    "a list of it": lambda value: [value],
    "it in a list of two": lambda value: ["x", value],
    "a list of lists": lambda value: [[value]],
    "a dict of it": lambda value: {"k": value},
    "a list of dicts": lambda value: [{"k": value}],
    "a dict of lists": lambda value: {"k": [value]},
}


class AlikeLaws(Contract):
    """Equality looks at types all the way down."""

    @law(
        "DOC-170", "Numbers, truth, text, bytes and null are different, inside lists and dicts too."
    )
    async def alike_is_not_equal(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for what, around in _AROUND.items():
            rows = {
                f"{number}-{place}": around(value)
                for number, kind in enumerate(_KINDS)
                for place, value in enumerate(kind)
            }
            for name, value in rows.items():
                await documents.insert_one(what, {"_id": name, "v": value})
            for number, kind in enumerate(_KINDS):
                given = around(kind[0])
                same = sorted(name for name in rows if name.startswith(f"{number}-"))
                others = sorted(set(rows) - set(same))
                about = f"{what}, {kind[0]!r}"
                equal(same, await _found(documents, what, given), about)
                equal(same, await _found(documents, what, {"$in": [given]}), f"{about}, $in")
                equal(others, await _found(documents, what, {"$ne": given}), f"{about}, $ne")


async def _found(documents: Documents, collection: str, condition: Any) -> list[str]:
    operator = isinstance(condition, dict) and any(key.startswith("$") for key in condition)
    asked = condition if operator else {"$eq": condition}
    return [row["_id"] for row in await documents.find_many(collection, {"v": asked})]
