"""How a value is stored, so that the server itself can compare ends and versions.

``END KIND TOKEN NUL VALUE``: the end of the life in milliseconds, eight bytes, big end first, all
ones for none; a byte for the kind; 16 bytes of token for the kind 1 and none for the kind 0; a
zero. The server compares values byte by byte, so "greater than the present moment" means "alive",
in the same step as the write that depends on it. The version of the kind 0 is the revision of its
write; that of the kind 1, written in a transaction, is its token, which was known before.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Self

from omnicloud.errors import CorruptedError
from omnicloud_etcd.wire import Compare, KeyValue

__all__ = ["Stored", "alive", "ended", "new_token", "packed", "same_version"]

_END = 8
_TOKEN = 16
_PLAIN, _NAMED = b"\0", b"\1"


@dataclass(frozen=True, slots=True)
class Stored:
    """A value as it is stored, alive or not."""

    value: bytes
    version: str
    end_ms: int

    @classmethod
    def of(cls, kv: KeyValue) -> Self:
        """Read one.

        Raises:
            CorruptedError: It is none of ours.
        """
        data = kv.value
        kind = data[_END : _END + 1]
        head = _END + 1 + (_TOKEN if kind == _NAMED else 0)
        if kind not in (_PLAIN, _NAMED) or data[head : head + 1] != b"\0":
            raise CorruptedError(
                "a key of this service holds what it did not write",
                hint="something else writes under its namespace",
            )
        version = str(kv.mod_revision) if kind == _PLAIN else "t" + data[:head].hex()
        return cls(data[head + 1 :], version, int.from_bytes(data[:_END], "big"))


def packed(value: bytes, end_ms: int, token: bytes = b"") -> tuple[bytes, str]:
    """What to store, and the version that a token gives it; empty without."""
    end = end_ms.to_bytes(_END, "big")
    if not token:
        return end + _PLAIN + b"\0" + value, ""
    head = end + _NAMED + token
    return head + b"\0" + value, "t" + head.hex()


def new_token() -> bytes:
    """One that no write had before."""
    return secrets.token_bytes(_TOKEN)


def alive(key: bytes, now_ms: int) -> Compare:
    """The key is there and its end has not come."""
    return Compare(key=key, target="VALUE", result="GREATER", value=_moment(now_ms + 1))


def ended(key: bytes, now_ms: int) -> Compare:
    """The key is there and its end has come."""
    return Compare(key=key, target="VALUE", result="LESS", value=_moment(now_ms + 1))


def same_version(key: bytes, version: str) -> tuple[Compare, ...] | None:
    """The key has that version; ``None`` where no key ever can."""
    if version.isascii() and version.isdecimal() and int(version) > 0:
        if str(int(version)) != version or int(version) >= 1 << 63:
            return None
        return (Compare(key=key, target="MOD", mod_revision=int(version)),)
    head = _head(version)
    if head is None:
        return None
    return (
        Compare(key=key, target="VALUE", result="GREATER", value=head),
        Compare(key=key, target="VALUE", result="LESS", value=head + b"\1"),
    )


def _head(version: str) -> bytes | None:
    try:
        head = bytes.fromhex(version[1:]) if version[:1] == "t" else b""
    except ValueError:
        return None
    whole = len(head) == _END + 1 + _TOKEN and head[_END : _END + 1] == _NAMED
    return head if whole and "t" + head.hex() == version else None


def _moment(ms: int) -> bytes:
    return ms.to_bytes(_END, "big")
