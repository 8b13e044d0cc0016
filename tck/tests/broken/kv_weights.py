"""kv drivers that do not take as much at once as they say, or cannot tell as much."""

from __future__ import annotations

from broken.kv_base import kv
from omnicloud.contracts.kv.driver import Changes, Set, SetMany
from omnicloud.contracts.kv.models import ChangePage, KVLimits
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.kv import MemoryKV

_REQUEST_BYTES = 3 << 19  # what many a service takes at once
_ANSWER_BYTES = 4 << 20  # what a gRPC client takes at once by default


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


class _SendsValues(MemoryKV):
    """Its service sends each changed key with its value, and the driver reads on from there."""

    async def changes(self, op: Changes, /) -> ChangePage:
        page = await super().changes(op)
        rows = [self._live(change.key) for change in page.changes]
        weight = sum(len(row.value) for row in rows if row is not None and row.value is not None)
        return page if weight <= _ANSWER_BYTES else self.heavy(op, page)

    def heavy(self, op: Changes, page: ChangePage) -> ChangePage:
        raise NotImplementedError


@kv("KV52", "T1", "asked without waiting, it waits too short for an answer of many bytes")
class HasNoTimeForMuch(_SendsValues):
    def heavy(self, op: Changes, page: ChangePage) -> ChangePage:
        return page if op.wait else ChangePage((), str(op.cursor))


@kv("KV53", "T2", "an answer of many bytes is passed over, and what it told with it")
class PassesOverMuch(_SendsValues):
    def heavy(self, op: Changes, page: ChangePage) -> ChangePage:
        return ChangePage((), page.cursor)
