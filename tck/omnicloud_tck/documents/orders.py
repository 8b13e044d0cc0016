"""The law that values of one type have one order, in sorts as in comparisons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from omnicloud.contracts.documents import Documents
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["OrderLaws"]

_NOON = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)


def _moment(seconds: float, minutes_east: int) -> datetime:
    """A moment so long after noon, as a clock so far to the east tells it."""
    zone = timezone(timedelta(minutes=minutes_east))
    return (_NOON + timedelta(seconds=seconds)).astimezone(zone)


ASCENDING: dict[str, tuple[Any, ...]] = {
    "numbers": (
        *(-1e300, -(2**63), -(2**53) - 1, -(2**53), -10, -9.5, -9, -0.1, 0, 5e-324, 0.1, 1, 1.5),
        *(2, 9, 10, 100, 2**53, 2**53 + 1, 2**53 + 2, 2**63 - 1, 1e300),
    ),
    "text": (
        *("", " ", "1", "10", "2", "A", "B", "Z", "Za", "_", "a", "a b", "a-b", "aB", "ab", "b"),
        *("e\u0301", "z", "\u00e9", "\u0130", "\u65e5", "\ue000", "\uffee", "\U0001f980"),
    ),
    "bytes": (
        *(b"", b"\0", b"\0\0", b"\x01", b"/", b"7", b"A", b"a", b"a\0", b"aa", b"b", b"~"),
        *(b"\x7f", b"\x80", b"\xfb", b"\xff", b"\xff\xff"),
    ),
    "moments": (
        *(datetime(1, 1, 2, tzinfo=UTC), datetime(1969, 7, 20, tzinfo=UTC)),
        *(_moment(-7200, 840), _moment(-1, -660), _moment(0, 0), _moment(0.000001, 345)),
        *(_moment(0.1, -210), _moment(1, 60), _moment(1800, -600), _moment(3600, 0)),
        *(_moment(86400, 765), datetime(2100, 1, 1, tzinfo=UTC)),
    ),
}
"""Values of one type, each less than those after it."""


class OrderLaws(Contract):
    """What is less is less, whoever asks."""

    @law(
        "DOC-127",
        "Values of one type have one order in sorts and comparisons: numbers by value, text by "
        "code point, bytes by byte, moments by instant.",
    )
    async def values_have_one_order(self, world: World[Any]) -> None:
        documents = Documents(await world.pipeline())
        for kind, values in ASCENDING.items():
            for place, value in enumerate(values):
                await documents.insert_one(kind, {"_id": _name(place), "v": value})
            names = [_name(place) for place in range(len(values))]
            equal(names, await _found(documents, kind, {}, "v"), f"{kind}, upwards")
            equal(names[::-1], await _found(documents, kind, {}, "-v"), f"{kind}, downwards")
            paged = documents.iterate(kind, {}, sort="v", page_size=5)
            equal(names, [row.document["_id"] async for row in paged], f"{kind}, in pages")
            for place in range(0, len(values), 3):
                less = await _found(documents, kind, {"v": {"$lt": values[place]}}, "v")
                equal(names[:place], less, f"{kind} less than {values[place]!r}")
                rest = await _found(documents, kind, {"v": {"$gte": values[place]}}, "v")
                equal(names[place:], rest, f"{kind} not less than {values[place]!r}")


def _name(place: int) -> str:
    """An ``_id`` that says nothing about the place."""
    return f"{place * 37 % 101:03}"


async def _found(documents: Documents, kind: str, given: dict[str, Any], sort: str) -> list[str]:
    return [row["_id"] for row in await documents.find_many(kind, given, sort=sort)]
