"""What is drawn of each call of objects, and the requests that they become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omnicloud.contracts.objects import ObjectsFeature
from omnicloud.contracts.objects.checks import checksum_of
from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, Put, Stat
from omnicloud.contracts.objects.models import Metadata, PartTag
from omnicloud.contracts.objects.uploads import (
    AbortUpload,
    BeginUpload,
    CompleteUpload,
    ListParts,
)
from omnicloud.core.operation import Feature
from omnicloud_tck.programs.chances import Chance, Verb, name, names, of, one_of, payload
from omnicloud_tck.programs.houses import House
from omnicloud_tck.subjects.objects_state import ObjectsState

__all__ = [
    "CONDITIONED",
    "LAST",
    "MAKERS",
    "SINGLE",
    "UPLOADS",
    "WHOLE",
    "Call",
    "Kind",
    "kind_of",
    "upload_of",
]

Call = tuple[Any, ...]
Kind = tuple[str, Metadata]

_CONDITIONAL: frozenset[Feature] = frozenset({ObjectsFeature.CONDITIONAL})
_NEVER = "no such version"
_NO_UPLOAD = "no-such-upload"
LAST: Call = ("last",)
_OCTETS = "application/octet-stream"


_CONDITIONS = (
    *((8, "fitting"), (3, "current"), (2, "absent"), (2, "stale"), (1, "other"), (1, "bent")),
)


def _condition(chance: Chance) -> str:
    return chance.likely(*_CONDITIONS)


def _apart(chance: Chance) -> tuple[str, str]:
    """Two names: that a copy onto itself is one deed is promised nowhere."""
    source = name(chance)
    others = [one for one in chance.names if one != source]
    return source, chance.choice(others) if others else f"{source[:200]}-copy"


def _version_condition(chance: Chance) -> str:
    drawn = _condition(chance)
    return "current" if drawn == "absent" else drawn


def kind_of(chance: Chance) -> Kind:
    return chance.choice(
        (
            (_OCTETS, ()),
            (_OCTETS, ()),
            ("text/plain; charset=utf-8", (("Author", "é \U0001f980"), ("n", ""))),
            ("x/Odd", (("a b", "1"), ("x-y", " two  words "))),
            ("application/json", (("title", chance.canaries[0].decode()),)),
            ("Text/HTML", (("long", "m" * 700), ("100%", "a=b;c,d"))),
            ("a/b", (("a\r\nx: y", "b\r\nz: 1"), ("etag", "x"), ("Content-Length", "1"))),
            ("a/b", (("content-encoding", "gzip"), ("x-amz-meta-a", "1"), ("a", "2"))),
        )
    )


def _range(chance: Chance) -> tuple[int, int | None]:
    start = chance.choice((0, 0, 1, 3, 299, 4095, 4096, 65_535, 65_536, 90_000, 1 << 21))
    return start, chance.choice((None, start, start + 1, start + 5, start + 4096, start + 70_000))


def _which(chance: Chance) -> int:
    return chance.choice((0, 0, 0, 0, 1, 2))


_PARTS = of(_which, one_of(1, 1, 1, 2, 2, 3, 10), payload, one_of(True, False, False))
_ASTRAY = one_of("", "", "", "", "astray", "abroad")


def upload_of(house: House, which: int, astray: str = "") -> tuple[str, str]:
    """The id and key of an upload, also of one that has ended.

    ``astray`` it is under another key, ``abroad`` it is another tenant's.
    """
    home = house.other if astray == "abroad" and house.other is not None else house
    state: ObjectsState = home.state
    known = [(upload_id, one.key) for upload_id, one in state.uploads.items()][::-1]
    known += state.ended
    upload_id, key = known[which % len(known)] if known else (_NO_UPLOAD, f"{house.space}none")
    return upload_id, f"{key}-astray" if astray == "astray" else key


def _version(house: House, key: str, condition: str) -> str:
    state: ObjectsState = house.state
    blob = state.blobs.get(key)
    known = blob.version if blob is not None and blob.version else _NEVER
    match condition:
        case "current" | "fitting":
            return known
        case "stale":
            return max(state.past.get(key, ()), default=_NEVER)
        case "other":
            others = [one.version for name, one in state.blobs.items() if name != key]
            return next((one for one in others if one and one != known), _NEVER)
        case _:
            return known[:-1] or _NEVER


def _conditions(house: House, key: str, condition: str | None) -> dict[str, Any]:
    if condition == "fitting" and key not in house.state.blobs:
        condition = "absent"
    if condition is None or condition == "absent":
        return {"if_absent": condition is not None}
    return {"if_version": _version(house, key, condition)}


def _put(
    house: House, key: str, data: bytes, kind: Kind, summed: bool, condition: str | None = None
) -> Put:
    checksum = checksum_of(data) if summed else None
    options = _conditions(house, house.space + key, condition)
    return Put(house.space + key, data, *kind, checksum, **options)


def _copy(house: House, source: str, target: str, condition: str | None = None) -> Copy:
    options = _conditions(house, house.space + target, condition)
    return Copy(house.space + source, house.space + target, **options)


def _complete(house: House, which: int, tags: str, condition: str | None) -> CompleteUpload:
    upload_id, key = upload_of(house, which)
    state: ObjectsState = house.state
    upload = state.uploads.get(upload_id)
    parts: list[tuple[int, str, bytes]] = []
    for number, (tag, data) in sorted(upload.parts.items() if upload else ()):
        parts.append((number, tag or _NEVER, data))
        if len(data) < 64 << 10:
            break  # a short part is the last one
    named = tuple(PartTag(number, tag) for number, tag, _ in parts) or (PartTag(1, "none"),)
    if tags == "wrong":
        stale = upload.stale if upload else {}
        number = max(stale.keys() & {one.number for one in named}, default=named[-1].number)
        wrong = PartTag(number, stale.get(number, "another"))
        named = tuple(wrong if one.number == number else one for one in named)
    whole = checksum_of(b"".join(data for _, _, data in parts)) if tags == "right" else None
    return CompleteUpload(key, upload_id, named, whole, **_conditions(house, key, condition))


def _abort(house: House, which: int, astray: str) -> AbortUpload:
    upload_id, key = upload_of(house, which, astray)
    return AbortUpload(key, upload_id)


def _list_parts(house: House, which: int, astray: str) -> ListParts:
    upload_id, key = upload_of(house, which, astray)
    return ListParts(key, upload_id)


def _read_if(house: House, key: str, span: tuple[int, int | None], condition: str) -> GetRange:
    name = house.space + key
    return GetRange(name, *span, _version(house, name, condition))


CONDITIONED = {"put_if": 0, "copy_if": 1, "delete_if": 0, "read_if": 0}
"""Calls that may ask for a version: which of their arguments is the key."""

MAKERS: dict[str, Callable[..., Any]] = {
    "put": _put,
    "put_if": _put,
    "put_wrong": lambda house, key, data: Put(
        house.space + key, data, checksum=checksum_of(data + b"!")
    ),
    "stat": lambda house, key: Stat(house.space + key),
    "read": lambda house, key, span: GetRange(house.space + key, *span),
    "read_if": _read_if,
    "delete": lambda house, key: Delete(house.space + key),
    "delete_if": lambda house, key, cond: Delete(
        house.space + key, _version(house, house.space + key, cond)
    ),
    "delete_many": lambda house, keys: DeleteMany(tuple(house.space + key for key in keys)),
    "copy": _copy,
    "copy_if": _copy,
    "begin": lambda house, key, kind: BeginUpload(house.space + key, *kind),
    "parts": _list_parts,
    "complete": _complete,
    "complete_if": _complete,
    "abort": _abort,
}

SINGLE: dict[str, Verb] = {
    "put": Verb(8, of(name, payload, kind_of, one_of(True, False))),
    "put_if": Verb(6, of(name, payload, kind_of, one_of(True), _condition), _CONDITIONAL),
    "put_wrong": Verb(1, of(name, payload)),
    "stat": Verb(3, of(name)),
    "read": Verb(4, of(name, _range)),
    "read_if": Verb(3, of(name, _range, _version_condition)),
    "delete": Verb(4, of(name)),
    "delete_if": Verb(4, of(name, _version_condition), _CONDITIONAL),
    "delete_many": Verb(2, of(names)),
    "copy": Verb(4, _apart),
    "copy_if": Verb(4, lambda chance: (*_apart(chance), _condition(chance)), _CONDITIONAL),
}
UPLOADS: dict[str, Verb] = {
    "begin": Verb(4, of(name, kind_of)),
    "part": Verb(12, lambda chance: (*_PARTS(chance), _ASTRAY(chance))),
    "parts": Verb(2, of(_which, _ASTRAY)),
    "complete": Verb(2, of(_which, one_of("right", "wrong"), one_of(None))),
    "complete_if": Verb(3, of(_which, one_of("right", "right", "wrong"), _condition), _CONDITIONAL),
    "abort": Verb(1, of(_which, _ASTRAY)),
}


def _between(chance: Chance) -> Call | None:
    added = ("put", name(chance), b"between", (_OCTETS, ()), True)
    return chance.choice((None, None, added, ("delete", name(chance)), LAST, LAST))


def _delimiter(chance: Chance) -> str | None:
    """None, or a letter of one of the names."""
    letters = sorted(set("".join(chance.names)) - {"~"}) or ["/"]
    return chance.choice((None, "/", chance.choice(letters)))


_PAGE = one_of(1, 2, 3, 50, 10_000)
_CHUNKS = one_of(1000, 65_536, 8 << 20)
WHOLE: dict[str, Verb] = {
    "list": Verb(5, of(lambda chance: chance.prefix(), _delimiter, _PAGE, _between)),
    "again": Verb(0.7, of(name)),
    "stream": Verb(2, of(name, _range, _CHUNKS, one_of(0, 1, 2, 4))),
    "upload": Verb(0.7, of(name, payload, kind_of, one_of(1, 2, 4), one_of(1, 4))),
}
