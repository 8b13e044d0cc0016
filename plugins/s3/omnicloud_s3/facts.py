"""What is kept beside an object, and what its headers say.

A version is the service's ETag with a number of our own: the ETag alone is the digest of the
content, so equal content would have an equal version. The number is in the object's metadata,
with the checksum, the rest of a key that is too long, and what metadata cannot carry itself.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from omnicloud.contracts.objects.models import Metadata, ObjectInfo
from omnicloud.core.moments import moment_of
from omnicloud.errors import CorruptedError, InvalidArgumentError, UnavailableError

__all__ = [
    "METADATA_MAX_BYTES",
    "Facts",
    "Version",
    "carried",
    "copied",
    "info_of",
    "rest_of",
    "version_of",
]

METADATA_MAX_BYTES = 1024
"""Of the caller's; the service allows 2,048 bytes with what we add."""

_SERVICE_MAX_BYTES = 2048
_HEADER = "x-amz-meta-"
_NUMBER, _SHA256, _REST, _MORE = "omni-number", "omni-sha256", "omni-rest", "omni-more"
_CARRIED = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-storage-class",
)
_PLAIN_NAME = re.compile(r"(?!omni-)[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?")
_PLAIN_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


@dataclass(frozen=True, slots=True)
class Version:
    """A version taken apart; the number is empty where something else wrote the object."""

    etag: str
    number: str

    def __str__(self) -> str:
        return f"{self.etag}.{self.number}"

    @classmethod
    def of(cls, text: str) -> Version:
        """What the text stands for; what is none of ours has an ETag that nothing has."""
        etag, _, number = text.rpartition(".")
        return cls(etag, number)


@dataclass(frozen=True, slots=True)
class Facts:
    """What goes along with an object's content."""

    content_type: str
    metadata: Metadata
    checksum: str | None
    rest: str

    def headers(self) -> tuple[str, dict[str, str]]:
        """A new number, and the headers that keep it and the facts.

        Raises:
            InvalidArgumentError: They are more than the service keeps.
        """
        number = secrets.token_hex(8)
        kept = {_NUMBER: number}
        if self.checksum is not None:
            kept[_SHA256] = self.checksum.removeprefix("sha256:")
        if self.rest:
            kept[_REST] = _packed(self.rest)
        odd = {}
        for name, value in self.metadata:
            if _PLAIN_NAME.fullmatch(name) and _PLAIN_VALUE.fullmatch(value) and "  " not in value:
                kept[name] = value
            else:
                odd[name] = value
        if odd:
            kept[_MORE] = _packed(json.dumps(odd, ensure_ascii=False, separators=(",", ":")))
        _check(kept)
        headers = {_HEADER + name: value for name, value in kept.items()}
        return number, {"content-type": self.content_type, **headers}


def info_of(key: str, headers: Mapping[str, str], size_bytes: int) -> ObjectInfo:
    """What the headers of an answer say of an object.

    Raises:
        UnavailableError: They do not say when it was written: the answer is not the service's.
    """
    modified = headers.get("last-modified")
    if modified is None:
        raise UnavailableError("the service's answer has no Last-Modified")
    digest = headers.get(_HEADER + _SHA256)
    return ObjectInfo(
        key,
        size_bytes,
        str(version_of(headers)),
        headers.get("content-type", "application/octet-stream"),
        _metadata(headers),
        moment_of(modified),
        None if digest is None else f"sha256:{digest}",
    )


def version_of(headers: Mapping[str, str]) -> Version:
    """The version that the headers of an answer say."""
    return Version(headers.get("etag", "").strip('"'), headers.get(_HEADER + _NUMBER, ""))


def rest_of(headers: Mapping[str, str]) -> str:
    """The rest of a key that was too long."""
    packed = headers.get(_HEADER + _REST)
    return "" if packed is None else _unpacked(packed)


def copied(headers: Mapping[str, str], rest: str) -> Facts:
    """The facts of an object for its copy."""
    digest = headers.get(_HEADER + _SHA256)
    return Facts(
        headers.get("content-type", "application/octet-stream"),
        tuple(_metadata(headers).items()),
        None if digest is None else f"sha256:{digest}",
        rest,
    )


def carried(headers: Mapping[str, str]) -> dict[str, str]:
    """What other programs keep beside an object, which a copy with new metadata would lose."""
    return {name: headers[name] for name in _CARRIED if headers.get(name)}


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    found = {
        name.removeprefix(_HEADER): value
        for name, value in headers.items()
        if name.startswith(_HEADER) and not name.startswith(_HEADER + "omni-")
    }
    packed = headers.get(_HEADER + _MORE)
    if packed is None:
        return found
    try:
        return {**found, **json.loads(_unpacked(packed))}
    except (ValueError, TypeError) as error:
        raise CorruptedError("the metadata of the object is not what was written") from error


def _check(kept: Mapping[str, str]) -> None:
    size = sum(len(name) + len(value) for name, value in kept.items())
    if size > _SERVICE_MAX_BYTES:
        raise InvalidArgumentError(
            f"key and metadata need {size} bytes beside the object, the service keeps "
            f"{_SERVICE_MAX_BYTES}",
            hint="shorten the key, or the metadata: what is not ASCII takes more",
        )


def _packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _unpacked(packed: str) -> str:
    try:
        return base64.b64decode(packed, validate=True).decode()
    except ValueError as error:
        raise CorruptedError("what is kept beside the object is not what was written") from error
