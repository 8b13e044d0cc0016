"""The XML of the service, read and written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from omnicloud.contracts.objects.models import PartTag
from omnicloud.errors import UnavailableError

__all__ = [
    "Deleted",
    "Line",
    "Page",
    "Part",
    "completion",
    "deletion",
    "deletion_errors",
    "error_code",
    "field_of",
    "listing",
    "parts",
]

_URL_ENCODED = b"<EncodingType>url<"


@dataclass(frozen=True, slots=True)
class Line:
    """An object in a listing, under the service's key."""

    key: str
    etag: str
    size_bytes: int
    modified: float


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines; ``more`` says whether others follow the last one."""

    lines: tuple[Line, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A part that has arrived."""

    number: int
    etag: str
    size_bytes: int
    modified: float


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object that a deletion of many did not delete, and why."""

    key: str
    code: str


def error_code(body: bytes) -> str:
    """The code of an answer that is an error; empty where it is none, or no XML."""
    body = body.strip()
    if not body.startswith(b"<"):
        return ""
    try:
        root = ET.fromstring(body)  # noqa: S314 - expat expands no external entities
    except ET.ParseError:
        return ""
    return _text(root, "Code") if _name(root) == "Error" else ""


def field_of(body: bytes, name: str) -> str:
    """The text of a field of an answer.

    Raises:
        UnavailableError: It is not there: the answer is not whole.
    """
    found = _text(_root(body), name)
    if not found:
        raise UnavailableError(f"the service's answer has no {name}")
    return found


def listing(body: bytes) -> Page:
    """A page of a listing whose keys are URL-encoded.

    Some services do not encode what they repeat of the request: U+FFFE and U+FFFF, which are in
    no XML, would make it none.
    """
    if _URL_ENCODED in body:
        for outside in ("\ufffe", "\uffff"):
            body = body.replace(outside.encode(), quote(outside).encode())
    root = _root(body, "ListBucketResult")
    encoded = _text(root, "EncodingType") == "url"
    try:
        lines = tuple(_line(one, encoded=encoded) for one in _all(root, "Contents"))
    except ValueError as error:
        raise UnavailableError("the service's answer is no whole listing") from error
    return Page(lines, _text(root, "IsTruncated") == "true")


def parts(body: bytes) -> tuple[tuple[Part, ...], str | None]:
    """A page of the parts of an upload, and where the next one begins."""
    root = _root(body, "ListParts")
    found = tuple(
        Part(
            int(_text(one, "PartNumber")),
            _text(one, "ETag").strip('"'),
            int(_text(one, "Size")),
            _time(one),
        )
        for one in _all(root, "Part")
    )
    more = _text(root, "IsTruncated") == "true"
    return found, _text(root, "NextPartNumberMarker") if more else None


def completion(tags: Iterable[PartTag]) -> bytes:
    """What asks for these parts to be one object."""
    told = "".join(
        f"<Part><PartNumber>{one.number}</PartNumber><ETag>&quot;{escape(one.tag)}&quot;</ETag></Part>"
        for one in tags
    )
    return f"<CompleteMultipartUpload>{told}</CompleteMultipartUpload>".encode()


def deletion(keys: Iterable[str]) -> bytes:
    """What asks for these objects to be deleted, and to be told of none that was."""
    told = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    return f"<Delete><Quiet>true</Quiet>{told}</Delete>".encode()


def deletion_errors(body: bytes) -> tuple[Deleted, ...]:
    """Which deletions failed."""
    return tuple(
        Deleted(_text(one, "Key"), _text(one, "Code"))
        for one in _all(_root(body, "Delete"), "Error")
    )


def _line(element: ET.Element, *, encoded: bool) -> Line:
    key = _text(element, "Key")
    return Line(
        unquote_plus(key) if encoded else key,  # a plus that is meant is %2B in all services
        _text(element, "ETag").strip('"'),
        int(_text(element, "Size")),
        _time(element),
    )


def _root(body: bytes, begins: str = "") -> ET.Element:
    """The root of an answer, before which a service that is slow sends spaces.

    Raises:
        UnavailableError: It is none, or not what it should be.
    """
    try:
        root = ET.fromstring(body.strip())  # noqa: S314 - expat expands no external entities
    except ET.ParseError as error:
        raise UnavailableError("the service's answer is no XML") from error
    if not _name(root).startswith(begins):  # the end is not the same in all services
        raise UnavailableError(f"the service's answer is no {begins}")
    return root


def _time(element: ET.Element) -> float:
    return datetime.fromisoformat(_text(element, "LastModified")).timestamp()


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ET.Element, name: str) -> list[ET.Element]:
    return [child for child in element if _name(child) == name]


def _text(element: ET.Element, name: str) -> str:
    for child in element:
        if _name(child) == name:
            return child.text or ""
    return ""
