"""What to answer to a request for an object: status, headers and which bytes (RFC 9110)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import quote

from omnicloud.contracts.objects import ObjectInfo

__all__ = ["Answer", "Delivery", "answer_to", "etag_of"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PLAIN = re.compile(r"[A-Za-z0-9 !#$&+.^_`|~()-]*")


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an object is handed over.

    Attributes:
        filename: What a browser saves it as; ``None`` lets it show what it can.
        cache_control: The header of that name.
    """

    filename: str | None = None
    cache_control: str | None = None


_AS_IT_IS = Delivery()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; its body are the bytes ``start`` to ``end`` (excluded) of the object."""

    status: int
    headers: Mapping[str, str]
    start: int = 0
    end: int = 0


def etag_of(info: ObjectInfo) -> str:
    """The entity tag of a version."""
    return f'"{hashlib.sha256(info.version.encode()).hexdigest()[:32]}"'


def answer_to(
    method: str, asked: Mapping[str, str], info: ObjectInfo, how: Delivery = _AS_IT_IS
) -> Answer:
    """The answer to a GET or HEAD.

    Args:
        method: In capitals.
        asked: The request's headers by names in small letters.
        info: Of the object as it is now.
        how: What the application wants.

    One range is answered, several are answered whole, as the RFC allows.
    """
    tag = etag_of(info)
    known = {"etag": tag, "last-modified": formatdate(info.modified, usegmt=True)}
    if how.cache_control is not None:
        known["cache-control"] = how.cache_control
    if "if-match" in asked and not _names(asked["if-match"], tag):
        return Answer(412, known)
    if _is_known(asked, info, tag):
        return Answer(304, known)
    headers = known | _facts(info, how)
    wanted = _range(asked, info, tag) if method == "GET" else None
    if wanted is None:
        end = info.size_bytes if method == "GET" else 0
        return Answer(200, {**headers, "content-length": str(info.size_bytes)}, 0, end)
    start, end = wanted
    if start >= end:
        told = {"content-range": f"bytes */{info.size_bytes}", "content-length": "0"}
        return Answer(416, known | told)
    told = {
        "content-range": f"bytes {start}-{end - 1}/{info.size_bytes}",
        "content-length": str(end - start),
    }
    return Answer(206, headers | told, start, end)


def _facts(info: ObjectInfo, how: Delivery) -> dict[str, str]:
    facts = {
        "accept-ranges": "bytes",
        "content-type": info.content_type,
        # Who uploaded it chose the type; a browser shall not think of another, worse one.
        "x-content-type-options": "nosniff",
    }
    if how.filename is not None:
        facts["content-disposition"] = _disposition(how.filename)
    return facts


def _disposition(filename: str) -> str:
    if _PLAIN.fullmatch(filename):
        return f'attachment; filename="{filename}"'
    return f"attachment; filename*=UTF-8''{quote(filename, safe='')}"


def _names(header: str, tag: str) -> bool:
    return header.strip() == "*" or tag in _tags(header)


def _tags(header: str) -> list[str]:
    return [one.strip().removeprefix("W/") for one in header.split(",")]


def _is_known(asked: Mapping[str, str], info: ObjectInfo, tag: str) -> bool:
    if "if-none-match" in asked:
        return _names(asked["if-none-match"], tag)
    since = _seconds(asked.get("if-modified-since"))
    return since is not None and int(info.modified) <= since


def _range(asked: Mapping[str, str], info: ObjectInfo, tag: str) -> tuple[int, int] | None:
    """The bytes that are asked for; empty where there are none such; ``None`` for all."""
    found = _RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
    condition = asked.get("if-range", tag)
    stale = condition != tag and _seconds(condition) != int(info.modified)
    if found is None or stale or found[1] == found[2] == "":
        return None
    if found[1] == "":
        return max(0, info.size_bytes - int(found[2])), info.size_bytes
    start = int(found[1])
    if found[2] == "":
        return start, info.size_bytes
    last = int(found[2])
    return None if last < start else (start, min(last + 1, info.size_bytes))


def _seconds(date: str | None) -> int | None:
    try:
        return None if date is None else int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None
