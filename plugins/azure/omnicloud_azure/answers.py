"""The XML of the service, read and written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from omnicloud.core.moments import moment_of
from omnicloud.errors import UnavailableError

__all__ = ["Blob", "Block", "Page", "block_list", "blocks", "listing"]


@dataclass(frozen=True, slots=True)
class Blob:
    """A line of a listing."""

    name: str
    etag: str
    size_bytes: int
    modified: float
    metadata: dict[str, str]
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines; ``marker`` says where the service goes on, and is empty at the end."""

    blobs: tuple[Blob, ...]
    marker: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block that has arrived, under its id as it is sent."""

    id: str
    size_bytes: int


def listing(body: bytes) -> Page:
    """A page of a listing."""
    root = _root(body)
    if root.tag != "EnumerationResults":
        raise UnavailableError("the service's answer is no listing")
    try:
        return Page(tuple(_blob(one) for one in root.iter("Blob")), _text(root, "NextMarker"))
    except (ValueError, TypeError) as error:
        raise UnavailableError("the service's answer is no whole listing") from error


def blocks(body: bytes) -> tuple[Block, ...]:
    """All blocks of a blob, committed or not."""
    return tuple(
        Block(_text(one, "Name"), int(_text(one, "Size") or "0"))
        for one in _root(body).iter("Block")
    )


def block_list(ids: Iterable[str]) -> bytes:
    """What asks for these blocks to be the blob's content."""
    told = "".join(f"<Latest>{one}</Latest>" for one in ids)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{told}</BlockList>'.encode()


def _blob(element: ET.Element) -> Blob:
    name, facts = element.find("Name"), element.find("Properties")
    if name is None or facts is None:
        raise ValueError
    told = name.text or ""
    metadata = {one.tag.lower(): one.text or "" for one in element.iterfind("Metadata/*")}
    return Blob(
        unquote(told) if name.get("Encoded") == "true" else told,
        _text(facts, "Etag").strip('"'),
        int(_text(facts, "Content-Length")),
        moment_of(_text(facts, "Last-Modified")),
        metadata,
        _text(facts, "ResourceType") == "directory" or "hdi_isfolder" in metadata,
    )


def _root(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body.removeprefix(b"\xef\xbb\xbf"))  # noqa: S314 - expat expands no external entities
    except ET.ParseError as error:
        raise UnavailableError("the service's answer is no XML") from error


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(name) or ""
