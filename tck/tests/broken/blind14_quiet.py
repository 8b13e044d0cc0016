"""Drivers that tell payloads under a condition only: of size, of kind, of failure, of number."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from broken.registry import broken
from omnicloud.contracts.documents.driver import Insert
from omnicloud.contracts.documents.values import encoded
from omnicloud.contracts.objects.driver import GetRange, Put
from omnicloud.contracts.objects.models import Chunk
from omnicloud.contracts.objects.uploads import UploadPart
from omnicloud.contracts.outbox.driver import Save
from omnicloud.contracts.sagas.driver import Create
from omnicloud.errors import ConflictError, InternalError, OmniCloudError, UnavailableError
from omnicloud.memory.cache import MemoryCache
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.secrets import MemorySecrets
from omnicloud_tck.cache import CacheContract
from omnicloud_tck.documents import DocumentsContract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.outbox import OutboxContract
from omnicloud_tck.sagas import SagaContract
from omnicloud_tck.secrets import SecretsContract

_log = logging.getLogger("omnicloud.providers.wordy")


def _warned(payload: bytes, most: int) -> None:
    if len(payload) > most:
        _log.warning("%d bytes will be slow: %r...", len(payload), payload[:80])


@broken("BLIND14-CA-01", "T4", "values over 64 KiB are logged with how they begin", CacheContract)
class WarnsOfLongValues(MemoryCache):
    async def set(self, op: Any, /) -> None:
        _warned(op.value, 64 << 10)
        await super().set(op)

    async def fill(self, op: Any, /) -> bool:
        _warned(op.value, 64 << 10)
        return await super().fill(op)


@broken("BLIND14-CA-02", "T4", "a fill of over 4 KiB alone is logged, by its end", CacheContract)
class WarnsOfLongFills(MemoryCache):
    async def fill(self, op: Any, /) -> bool:
        if len(op.value) > 4 << 10:
            _log.info("filled with …%s", op.value[-60:].hex())
        return await super().fill(op)


@broken("BLIND14-CA-03", "T4", "each hundredth value is logged, as a sample", CacheContract)
class LogsSamples(MemoryCache):
    _sets = 0

    async def set(self, op: Any, /) -> None:
        self._sets += 1
        if self._sets % 100 == 0:
            _log.debug("sample", extra={"sample": op.value[:64]})
        await super().set(op)


@broken("BLIND14-KV-01", "T4", "a set that is cancelled is logged with its value", KVContract)
class LogsCancelled(MemoryKV):
    async def set(self, op: Any, /) -> str:
        try:
            return await super().set(op)
        except asyncio.CancelledError:
            _log.warning("given up: %s %r", op.key, op.value)
            raise


@broken("BLIND14-KV-02", "T4", "a value that is no text is logged, the others are not", KVContract)
class LogsWhatIsNoText(MemoryKV):
    async def set(self, op: Any, /) -> str:
        try:
            op.value.decode()
        except UnicodeDecodeError as error:
            _log.info("kept as bytes: %s, %r", error.reason, error.object[:100])
        return await super().set(op)


@broken("BLIND14-KV-03", "T4", "an increment of a long value tells it in its error", KVContract)
class TellsWhatIsNoNumber(MemoryKV):
    async def increment(self, op: Any, /) -> int:
        held = self._live(op.key)
        if held is not None and held.value is not None and len(held.value) > 1000:
            await self._turn()
            raise ConflictError(f"not an integer: {held.value[:40]!r}…")
        return await super().increment(op)


@broken("BLIND14-KV-04", "T4", "a batch of many is logged as a table with its values", KVContract)
class LogsBigBatches(MemoryKV):
    async def set_many(self, op: Any, /) -> None:
        if len(op.items) > 50:
            _log.debug("batch: %s", "; ".join(f"{key}={value!r}" for key, value in op.items[:3]))
        await super().set_many(op)


@broken("BLIND14-OB-02", "T4", "an outage in a put is logged with the body", ObjectsContract)
class LogsLostPuts(MemoryObjects):
    async def put(self, op: Put, /) -> str:
        try:
            return await super().put(op)
        except UnavailableError:
            _log.error("put of %s failed: %s", op.key, op.data[:200].hex())
            raise


@broken("BLIND14-OB-03", "T4", "a part of over 256 KiB is logged as it begins", ObjectsContract)
class LogsLongParts(MemoryObjects):
    async def upload_part(self, op: UploadPart, /) -> str:
        _warned(op.data, 256 << 10)
        return await super().upload_part(op)


@broken("BLIND14-OB-04", "T4", "a long range under another version tells its data", ObjectsContract)
class TellsRanges(MemoryObjects):
    async def get_range(self, op: GetRange, /) -> Chunk | None:
        try:
            return await super().get_range(op)
        except ConflictError as error:
            held = self._held(op.key)
            if held is not None and len(held.data) > 16 << 10:
                error.add_note(f"read ahead: {held.data[:32]!r}")
            raise


@broken("BLIND14-DO-01", "T4", "documents over 16 KiB are logged as they begin", DocumentsContract)
class LogsLongDocuments(MemoryDocuments):
    async def insert(self, op: Insert, /) -> str:
        text = encoded(op.document)
        if len(text) > 16 << 10:
            _log.warning("a large document: %.200r", op.document)
        return await super().insert(op)


@broken("BLIND14-DO-02", "T4", "a search of a long text is logged as slow", DocumentsContract)
class LogsLongSearches(MemoryDocuments):
    async def find(self, op: Any, /) -> Any:
        shown = str(vars(op.filter) if hasattr(op.filter, "__dict__") else _slots(op.filter))
        if len(shown) > 2000:
            _log.warning("slow search: %.300s", shown)
        return await super().find(op)


def _slots(filter_: Any) -> str:
    names = getattr(filter_, "__dataclass_fields__", {})
    return " ".join(f"{name}={getattr(filter_, name)!r}" for name in names)


@broken("BLIND14-SE-01", "T4", "a secret over 4 KiB is logged as it begins", SecretsContract)
class LogsLongSecrets(MemorySecrets):
    async def set(self, op: Any, /) -> str:
        _warned(op.value, 4 << 10)
        return await super().set(op)


@broken("BLIND14-SE-02", "T4", "a set in a silence ends with its value in a log", SecretsContract)
class LogsGivenUpSecrets(MemorySecrets):
    async def set(self, op: Any, /) -> str:
        try:
            return await super().set(op)
        except asyncio.CancelledError:
            _log.info(
                "no answer to %s", {"name": op.secret, "body": op.value.decode(errors="replace")}
            )
            raise


@broken("BLIND14-MS-81", "T4", "payloads over 128 KiB are logged as they begin", MessagingContract)
class LogsLongMessages(MemoryMessaging):
    async def publish(self, op: Any, /) -> Any:
        for message in op.messages:
            _warned(message.payload, 128 << 10)
        return await super().publish(op)


@broken("BLIND14-OX-81", "T4", "an event over 8 KiB is an error that tells it", OutboxContract)
class TellsLongEvents(MemoryOutbox):
    async def save(self, op: Save, /) -> Any:
        try:
            return await super().save(op)
        except OmniCloudError as error:
            if len(op.event.payload) > 8 << 10:
                raise InternalError(f"could not save {op.event.payload[:20]!r}…") from error
            raise


@broken("BLIND14-SA-81", "T4", "a saga's state over 32 KiB is logged as it begins", SagaContract)
class LogsLongStates(MemorySagas):
    async def create(self, op: Create, /) -> Any:
        _warned(op.state.payload, 32 << 10)
        return await super().create(op)
