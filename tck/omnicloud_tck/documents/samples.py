"""Documents, filters and orders with what they must give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

__all__ = ["FILTERS", "ROWS", "SORTS", "VALUES"]

_NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
_SAME = _NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.0,
    1.0,
    0.1,
    1e300,
    5e-324,
    "",
    "None",
    "nul\0inside",
    "2024-02-29T12:00:00Z",
    "é\u0301🦀",
    "$dollar",
    b"",
    b"\0\xff",
    bytes(range(256)),
    _NOON,
    _SAME,
    _NOON.replace(microsecond=0),
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-11))),
    [],
    {},
    [[], {}, None],
    {"a": {"b": {"c": []}}},
    {"0": 1, "with space": 2, "ünï": 3, "__proto__": 4},
)

ROWS: tuple[dict[str, Any], ...] = (
    {"_id": "00-missing", "tag": "x"},
    {"_id": "01-null", "v": None},
    {"_id": "02-false", "v": False},
    {"_id": "03-true", "v": True},
    {"_id": "04-zero", "v": 0},
    {"_id": "05-one", "v": 1, "tag": "x"},
    {"_id": "06-float", "v": 1.5},
    {"_id": "07-empty", "v": ""},
    {"_id": "08-text", "v": "1"},
    {"_id": "09-upper", "v": "B"},
    {"_id": "10-lower", "v": "a"},
    {"_id": "11-bytes", "v": b"a"},
    {"_id": "12-time", "v": _NOON},
    {"_id": "13-later", "v": _NOON + timedelta(microseconds=1)},
    {"_id": "14-list", "v": [1, {"w": 2}], "tag": "y"},
    {"_id": "15-dict", "v": {"w": 1, "x": {"y": None}}, "tag": "y"},
    {"_id": "16-large", "v": 2**53 + 1},
)

_ALL = tuple(row["_id"] for row in ROWS)


def _but(*numbers: int) -> tuple[str, ...]:
    return tuple(id_ for number, id_ in enumerate(_ALL) if number not in numbers)


def _just(*numbers: int) -> tuple[str, ...]:
    return tuple(_ALL[number] for number in numbers)


FILTERS: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
    ({}, _ALL),
    ({"v": None}, _just(1)),
    ({"v": {"$eq": None}}, _just(1)),
    ({"v": 0}, _just(4)),
    ({"v": False}, _just(2)),
    ({"v": True}, _just(3)),
    ({"v": 1}, _just(5)),
    ({"v": 1.0}, _just(5)),
    ({"v": "1"}, _just(8)),
    ({"v": ""}, _just(7)),
    ({"v": b"a"}, _just(11)),
    ({"v": "a"}, _just(10)),
    ({"v": _SAME}, _just(12)),
    ({"v": 2**53}, ()),
    ({"v": 2**53 + 1}, _just(16)),
    ({"v": [1, {"w": 2}]}, _just(14)),
    ({"v": [1]}, ()),
    ({"v": {"x": {"y": None}, "w": 1}}, _just(15)),
    ({"v": {"w": 1}}, ()),
    ({"v": {"$exists": True}}, _but(0)),
    ({"v": {"$exists": False}}, _just(0)),
    ({"v": {"$ne": None}}, _but(1)),
    ({"v": {"$ne": 0}}, _but(4)),
    ({"v": {"$in": []}}, ()),
    ({"v": {"$nin": []}}, _ALL),
    ({"v": {"$in": [None, 1, "a"]}}, _just(1, 5, 10)),
    ({"v": {"$in": [False]}}, _just(2)),
    ({"v": {"$in": [1, "a", 1.0, 1]}}, _just(5, 10)),
    ({"v": {"$nin": [None, 0]}}, _but(1, 4)),
    ({"v": {"$gt": 0}}, _just(5, 6, 16)),
    ({"v": {"$gte": 0}}, _just(4, 5, 6, 16)),
    ({"v": {"$lt": 1}}, _just(4)),
    ({"v": {"$lte": 1.0}}, _just(4, 5)),
    ({"v": {"$gt": 0, "$lt": 1.5}}, _just(5)),
    ({"v": {"$gt": ""}}, _just(8, 9, 10)),
    ({"v": {"$lt": "a"}}, _just(7, 8, 9)),
    ({"v": {"$gte": False}}, _just(2, 3)),
    ({"v": {"$gt": False}}, _just(3)),
    ({"v": {"$lte": b"a"}}, _just(11)),
    ({"v": {"$gt": _SAME}}, _just(13)),
    ({"v": {"$gte": _SAME}}, _just(12, 13)),
    ({"v": {"$not": {"$gt": 0}}}, _but(5, 6, 16)),
    ({"v.w": 1}, _just(15)),
    ({"v.1.w": 2}, _just(14)),
    ({"v.0": 1}, _just(14)),
    ({"v.1": {"$exists": True}}, _just(14)),
    ({"v.2": {"$exists": True}}, ()),
    ({"v.x.y": None}, _just(15)),
    ({"v.x.z": None}, ()),
    ({"v": 1, "tag": "x"}, _just(5)),
    ({"v": 1, "tag": "y"}, ()),
    ({"$and": [{"tag": "y"}, {"v.w": 1}]}, _just(15)),
    ({"$or": [{"v": 0}, {"v": None}]}, _just(1, 4)),
    ({"$nor": [{"v": 0}, {"tag": {"$exists": True}}]}, _but(0, 4, 5, 14, 15)),
    ({"$not": {"tag": {"$exists": True}}}, _but(0, 5, 14, 15)),
    ({"$or": [{"tag": "x"}, {"$and": [{"tag": "y"}, {"v.w": 1}]}]}, _just(0, 5, 15)),
    ({"_id": "05-one"}, _just(5)),
    ({"_id": "05-one", "v": 2}, ()),
    ({"_id": {"$in": ["05-one", "04-zero", "none"]}}, _just(4, 5)),
    ({"_id": {"$in": ["05-one", "04-zero", "05-one"]}}, _just(4, 5)),
    ({"_id": {"$gt": "14"}}, _just(14, 15, 16)),
)
"""Filters, each with the ``_id`` of all rows that it must find."""

SORTS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    ((), _ALL),
    ("_id", _ALL),
    ("-_id", _ALL[::-1]),
    ("v", _just(0, 1, 2, 3, 4, 5, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
    ("-v", _just(14, 15, 13, 12, 11, 10, 9, 8, 7, 16, 6, 5, 4, 3, 2, 1, 0)),
    ("tag", _just(1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 16, 0, 5, 14, 15)),
    (
        [("tag", -1), ("_id", -1)],
        _just(15, 14, 5, 0, 16, 13, 12, 11, 10, 9, 8, 7, 6, 4, 3, 2, 1),
    ),
)
"""Orders, each with the ``_id`` of all rows."""
