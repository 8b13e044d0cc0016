"""Values of documents that are much alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

__all__ = ["KIN"]

_NOON = datetime(2024, 2, 29, 12, 0, 0, 123456, tzinfo=UTC)
_EAST = timezone(timedelta(hours=5, minutes=45))
KIN: tuple[tuple[Any, ...], ...] = (
    (0, 1, -1, 1.0, 0.0, True, False, "1", "true", None, [1], 0.5, 2),
    (2**53, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 1e308, 5e-324, 9, 10, "9", "10", 0.1),
    ("a", "A", "a ", " a", "a\0", "a\n", "b", "B", "", "aa", b"a", ["a"]),
    ("é", "e\u0301", "É", "ss", "ß", "\uffee", "\U0001f980", "i", "İ", "\u0131", "fi", "\ufb01"),
    (
        _NOON,
        _NOON.astimezone(_EAST),
        _NOON + timedelta(microseconds=1),
        _NOON.isoformat(),
        _NOON - timedelta(hours=1),
        (_NOON - timedelta(hours=1)).astimezone(_EAST),
        1709208000,
    ),
    (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, 23, 59, tzinfo=UTC), _NOON, None, ""),
    (b"", b"a", b"a\0", b"\xff", b"~", b"\xc3\xa9", "é", b"\x01", "", "YQ==", [b"a"]),
    ([], [1], [1, 2], [1.0], [None], [[1]], [[1], 2], [{"e": 1}, "a"], 1, {}, {"0": 1}, None),
    (
        {},
        {"e": 1},
        {"e": 1.0},
        {"e": {"f": 1}},
        {"e": {"f": None}},
        {"g": 2, "e": 1},
        [],
        {"e": True},
    ),
    ("x" * 4096, "x" * 4097, "é" * 2048, b"y" * 4096, "z" * 66_000, "x", b"y", {"e": "w" * 5000}),
    ("null", "None", "undefined", None, "NaN", "$a", "a.b", "%", "_", "\\", "'", '"', "{}"),
)
"""Values that a careless comparison, fold or coding would make one, by kind."""
