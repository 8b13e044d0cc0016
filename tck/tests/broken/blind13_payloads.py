"""Drivers that mark what they code, and take for coded what comes with such a mark."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from broken.registry import broken
from omnicloud.contracts.outbox.models import NewEvent
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.secrets import SecretsContract


def _as_base64(payload: bytes) -> bytes:
    marked = payload.removeprefix(b"base64:")
    return payload if marked == payload else base64.b64decode(marked, validate=True)


def _as_json(payload: bytes) -> bytes:
    marked = payload.removeprefix(b"json:")
    return payload if marked == payload else json.dumps(json.loads(marked)).encode()


def _as_packed(payload: bytes) -> bytes:
    if payload.startswith(b"gzip:"):
        return gzip.decompress(payload[5:])
    return zlib.decompress(payload) if payload.startswith(b"\x78\x9c") else payload


def _as_bytes(payload: bytes) -> bytes:
    quoted = payload[:2] == b"b'" and payload[-1:] == b"'"
    return payload[2:-1] if quoted else payload


def _as_hex(payload: bytes) -> bytes:
    for mark in (b"0x", b"\\x", b"hex:"):
        if payload.startswith(mark):
            return bytes.fromhex(payload[len(mark) :].decode("ascii"))
    return payload


def _as_sealed(payload: bytes) -> bytes:
    return payload.removeprefix(b"enc:v1:")


_WRONG = (ValueError, binascii.Error, OSError, EOFError, zlib.error)


def _decoded(how: Callable[[bytes], bytes], payload: bytes) -> bytes:
    try:
        return how(payload)
    except _WRONG:
        return b"" if payload.startswith((b"gzip:", b"json:")) else payload


def _marking(base: type, verb: str, field: str, how: Callable[[bytes], bytes]) -> type:
    """A driver that decodes what it is given to keep, where it has the mark."""
    right = getattr(base, verb)

    async def wrong(self: Any, op: Any, /) -> Any:
        return await right(self, replace(op, **{field: _decoded(how, getattr(op, field))}))

    return type(f"{base.__name__}{how.__name__}", (base,), {verb: wrong})


_MARKS: tuple[tuple[str, type[Contract], type, str, str, Callable[[bytes], bytes]], ...] = (
    ("SE-04", SecretsContract, MemorySecrets, "set", "value", _as_base64),
    ("SE-05", SecretsContract, MemorySecrets, "set", "value", _as_sealed),
    ("KV-03", KVContract, MemoryKV, "set", "value", _as_json),
    ("KV-04", KVContract, MemoryKV, "set", "value", _as_bytes),
    ("CA-04", CacheContract, MemoryCache, "set", "value", _as_packed),
    ("CA-05", CacheContract, MemoryCache, "fill", "value", _as_base64),
    ("OB-03", ObjectsContract, MemoryObjects, "put", "data", _as_hex),
)
for _id, _contract, _base, _verb, _field, _how in _MARKS:
    broken(f"BLIND13-{_id}", "T1", f"a payload is taken {_how.__name__[1:]}", _contract)(
        _marking(_base, _verb, _field, _how)
    )


@broken("BLIND13-OX-12", "T1", "a payload is taken as hex", OutboxContract)
class HexEvents(MemoryOutbox):
    def _add(self, space: str, event: NewEvent) -> None:
        super()._add(space, replace(event, payload=_decoded(_as_hex, event.payload)))
