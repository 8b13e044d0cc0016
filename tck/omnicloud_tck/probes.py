"""Layers and a seal of the kit's own, which show whether requests scope and seal themselves."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from omnicloud.core.names import Scope
from omnicloud.core.operation import Operation
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import CorruptedError

__all__ = ["PlainSeal", "Scoping", "Sealing", "Witness"]

_TAG = 16


class Scoping:
    """Keeps every call in one tenant's namespace."""

    def __init__(self, tenant: str | None) -> None:
        self._scope = Scope.of(tenant)

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        result = await proceed(call.with_op(call.op.scoped(self._scope)))
        return call.op.unscoped(result, self._scope)


class Sealing:
    """Closes every payload, outside the driver, inside the tenant."""

    def __init__(self, seal: PlainSeal) -> None:
        self._seal = seal

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        result = await proceed(call.with_op(call.op.sealed(self._seal)))
        return call.op.unsealed(result, self._seal)


class PlainSeal:
    """A seal for trials: hides payloads and binds them to their place. Not for secrets."""

    def __init__(self, key: bytes = b"kit") -> None:
        self._key = key

    @property
    def overhead(self) -> int:
        return _TAG

    def close(self, payload: bytes, bound_to: str) -> bytes:
        hidden = self._mixed(payload, bound_to)
        return self._tag(hidden, bound_to) + hidden

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        tag, hidden = sealed[:_TAG], sealed[_TAG:]
        if not hmac.compare_digest(tag, self._tag(hidden, bound_to)):
            raise CorruptedError("the sealed payload was changed or moved")
        return self._mixed(hidden, bound_to)

    def _mixed(self, data: bytes, bound_to: str) -> bytes:
        seed = hashlib.sha256(self._key + bound_to.encode()).digest()
        stream = hashlib.shake_256(seed).digest(len(data))
        mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")
        return mixed.to_bytes(len(data), "big")

    def _tag(self, data: bytes, bound_to: str) -> bytes:
        return hmac.new(self._key, bound_to.encode() + b"\0" + data, "sha256").digest()[:_TAG]


class Witness:
    """Innermost layer that keeps what the driver is given."""

    def __init__(self) -> None:
        self.seen: list[Operation[Any, Any]] = []

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        self.seen.append(call.op)
        return await proceed(call)

    def has_seen(self, canary: bytes) -> bool:
        """Whether a request held those bytes, as they are or as text in any field.

        It looks into the fields: a payload is left out of many a ``repr``.
        """
        return any(_holds(op, canary) for op in self.seen)


def _holds(value: object, canary: bytes) -> bool:
    if isinstance(value, bytes | bytearray | memoryview):
        return canary in bytes(value)
    if is_dataclass(value):
        return any(_holds(getattr(value, field.name), canary) for field in fields(value))
    if isinstance(value, Mapping):
        return any(_holds(each, canary) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return any(_holds(each, canary) for each in value)
    return canary.decode() in repr(value)
