"""kv drivers that do not take as much at once as they say."""

from __future__ import annotations

from broken.kv_base import kv
from omnicloud.contracts.kv.driver import Set, SetMany
from omnicloud.contracts.kv.models import KVLimits
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.kv import MemoryKV

_REQUEST_BYTES = 3 << 19  # what many a service takes at once


def _check(size: int) -> None:
    if size > _REQUEST_BYTES:
        raise InvalidArgumentError("the request is larger than the service takes")


@kv("KV43", "T1", "a batch of more bytes than a request may have is refused, which no limit says")
class UntoldBound(MemoryKV):
    async def set_many(self, op: SetMany, /) -> None:
        _check(sum(len(value) for _, value in op.items))
        await super().set_many(op)


@kv("KV44", "T1", "what stands around keys and values counts, which batch_max_bytes forgets")
class ForgetsWhatIsAround(MemoryKV):
    @property
    def limits(self) -> KVLimits:
        return KVLimits(batch_max_bytes=_REQUEST_BYTES)

    async def set_many(self, op: SetMany, /) -> None:
        _check(sum(len(key) + len(value) + 24 for key, value in op.items))
        await super().set_many(op)


@kv("KV45", "T1", "a value that is written if absent is in the request twice, and may be too large")
class TwiceIfAbsent(MemoryKV):
    @property
    def limits(self) -> KVLimits:
        return KVLimits(batch_max_bytes=_REQUEST_BYTES)

    async def set(self, op: Set, /) -> str:
        _check(len(op.value) * (2 if op.if_absent else 1))
        return await super().set(op)
