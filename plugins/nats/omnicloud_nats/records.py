"""What is kept of an object and of an upload, as messages of a stream."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from omnicloud.contracts.objects.models import Listed, Metadata, ObjectInfo, PartInfo
from omnicloud_nats.names import KEY_HEADER
from omnicloud_nats.pieces import Piece
from omnicloud_nats.stored import Stored
from omnicloud_nats.turns import Write

__all__ = ["GONE", "Held", "Part", "Upload", "held_of", "record_of"]

_FACTS = "Omni-Object"
_GONE_SECONDS = 60

GONE = {"Omni-Gone": "1", "Nats-TTL": f"{_GONE_SECONDS}s"}
"""The headers of a message that stands for nothing, and is taken away by the server."""


@dataclass(frozen=True, slots=True)
class Held:
    """An object: its facts, and its content or the pieces of it."""

    seq: int
    size: int
    content_type: str
    checksum: str | None
    metadata: Metadata
    modified: float
    data: bytes = field(default=b"", repr=False)
    pieces: tuple[Piece, ...] = ()

    @property
    def version(self) -> str:
        return str(self.seq)

    def info(self, key: str) -> ObjectInfo:
        """As the contract tells it."""
        return ObjectInfo(
            key,
            self.size,
            self.version,
            self.content_type,
            dict(self.metadata),
            self.modified,
            self.checksum,
        )

    def listed(self, key: str) -> Listed:
        """As a line of a listing."""
        return Listed(key, self.size, self.version, self.modified)


def held_of(stored: Stored | None) -> Held | None:
    """The object that a message is of; of a message without its data only the facts."""
    if stored is None or _FACTS not in stored.headers:
        return None
    size, content_type, checksum, metadata, cut = json.loads(stored.headers[_FACTS])
    pairs = tuple((name, value) for name, value in metadata)
    pieces: tuple[Piece, ...] = ()
    if cut and stored.data:
        pieces = tuple(Piece(*one) for one in json.loads(zlib.decompress(stored.data)))
    data = b"" if cut else stored.data
    facts = (stored.seq, size, content_type, checksum, pairs, stored.at)
    return Held(*facts, data, pieces)


def record_of(
    content: bytes | Sequence[Piece],
    content_type: str,
    metadata: Metadata,
    checksum: str | None,
    beside: str | None,
) -> Write:
    """The message of an object; ``beside``: its key where the subject is cut."""
    cut = not isinstance(content, bytes)
    size = sum(one.size for one in content) if not isinstance(content, bytes) else len(content)
    facts = json.dumps([size, content_type, checksum, metadata, cut], separators=(",", ":"))
    headers = {_FACTS: facts} | ({} if beside is None else {KEY_HEADER: beside})
    data = content if isinstance(content, bytes) else zlib.compress(json.dumps(content).encode())
    return Write(data, headers)


class Part(NamedTuple):
    """An uploaded part; its piece's id is its tag."""

    piece: Piece
    checksum: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in parts that is not complete."""

    key: str
    content_type: str
    metadata: Metadata
    parts: dict[int, Part] = field(default_factory=dict)

    @classmethod
    def read(cls, stored: Stored | None) -> Upload | None:
        """The upload of a message."""
        if stored is None or not stored.data:
            return None
        said: dict[str, Any] = json.loads(zlib.decompress(stored.data))
        pairs = tuple((name, value) for name, value in said["metadata"])
        parts = {
            int(number): Part(Piece(tag, size), checksum)
            for number, (tag, size, checksum) in said["parts"].items()
        }
        return cls(said["key"], said["content_type"], pairs, parts)

    def written(self) -> bytes:
        """The message of the upload."""
        parts = {number: (*part.piece, part.checksum) for number, part in self.parts.items()}
        said = {
            "key": self.key,
            "content_type": self.content_type,
            "metadata": self.metadata,
            "parts": parts,
        }
        return zlib.compress(json.dumps(said).encode())

    def told(self) -> tuple[PartInfo, ...]:
        """Its parts by number."""
        return tuple(
            PartInfo(number, part.piece.id, part.piece.size, part.checksum)
            for number, part in sorted(self.parts.items())
        )
