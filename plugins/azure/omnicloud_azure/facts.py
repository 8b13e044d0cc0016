"""What is kept beside an object, and what the headers of an answer say of it.

A version is the service's ETag, which every write changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from omnicloud.contracts.objects.beside import Beside, Facts
from omnicloud.contracts.objects.models import ObjectInfo
from omnicloud.core.http import Answer
from omnicloud.core.moments import moment_of
from omnicloud.errors import UnavailableError

__all__ = [
    "OF_UPLOAD",
    "condition_of",
    "facts_of",
    "headers_of",
    "info_of",
    "kept_facts",
    "size_of",
    "version_of",
]

_HEADER = "x-ms-meta-"
_ETAG = re.compile(r"0x[0-9A-Fa-f]{1,32}")
_NOBODYS = "0x0"
_NAMED = "omni_"
NO_FACTS = {f"{_HEADER}{_NAMED}nothing": "1"}
"""Headers that keep none: a copy without any would take its source's."""
OF_UPLOAD = f"{_HEADER}{_NAMED}upload"
"""The header by which a blob keeps of which upload in parts it is."""

_UPLOAD_BYTES = 64  # the room that this takes of what the service keeps
_BESIDE = Beside(  # names of C# variables
    _NAMED,
    re.compile(r"(?!hdi_isfolder$)[a-z_][a-z0-9_]{0,62}"),  # which would make a folder of it
    8192 - _UPLOAD_BYTES,
)


def headers_of(facts: Facts) -> dict[str, str]:
    """The headers that keep the facts.

    Raises:
        InvalidArgumentError: They are more than the service keeps.
    """
    return {_HEADER + name: value for name, value in _BESIDE.packed(facts).items()}


def facts_of(headers: Mapping[str, str]) -> Facts:
    """The facts that the headers of an answer say."""
    return kept_facts(
        {
            name.removeprefix(_HEADER): value
            for name, value in headers.items()
            if name.startswith(_HEADER)
        }
    )


def kept_facts(metadata: Mapping[str, str]) -> Facts:
    """The facts that the metadata of a blob keeps."""
    return _BESIDE.unpacked(metadata)


def info_of(key: str, headers: Mapping[str, str], size_bytes: int) -> ObjectInfo:
    """What the headers of an answer say of an object.

    Raises:
        UnavailableError: They say no ETag or time: the answer is not the service's.
    """
    facts = facts_of(headers)
    try:
        modified = moment_of(headers["last-modified"])
    except (KeyError, ValueError) as error:
        raise UnavailableError("the service's answer has no time of the last write") from error
    return ObjectInfo(
        key,
        size_bytes,
        version_of(headers),
        headers.get("content-type", "application/octet-stream"),
        dict(facts.metadata),
        modified,
        facts.checksum,
    )


def version_of(headers: Mapping[str, str]) -> str:
    """The version of an object: the service's ETag."""
    etag = headers.get("etag", "").strip('"')
    if not etag:
        raise UnavailableError("the service's answer has no ETag")
    return etag


def condition_of(version: str | None, *, absent: bool = False) -> dict[str, str]:
    """The headers that make a request conditional."""
    if absent:
        return {"if-none-match": "*"}
    if version is None:
        return {}
    known = _ETAG.fullmatch(version) is not None
    return {"if-match": f'"{version if known else _NOBODYS}"'}


def size_of(answer: Answer) -> int:
    """The size that the answer to a HEAD says."""
    return int(answer.headers.get("content-length", "0"))
