"""Copies everything: listed by one task, moved by several, journalled when it was read back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV
from omnicloud.contracts.objects import Objects
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.context import ServiceInfo, current
from omnicloud.errors import ConfigurationError, InvalidArgumentError, OmniCloudError
from omnicloud.migration.blobs import ObjectsMover
from omnicloud.migration.journal import Journal
from omnicloud.migration.models import Failure, Item, Loss, Mover, Report
from omnicloud.migration.records import DocumentsMover
from omnicloud.migration.values import KVMover, SecretsMover

__all__ = ["Told", "copy", "losses_of"]

Store = KV[bytes] | Objects | Documents | Secrets
Told = Callable[[Report], None]

_MOST_FAILURES = 100
_AHEAD = 64  # items that are listed and not yet taken


def losses_of(
    source: Store, target: Store, *, prefix: str = "", collections: Sequence[str] = ()
) -> tuple[Loss, ...]:
    """What a copy will not carry; nothing is read or written.

    Raises:
        InvalidArgumentError: The two are not of one contract, or no collection is named.
        UnsupportedError: The source cannot list what it holds.
    """
    return _mover(source, target, prefix, collections).losses()


async def copy(
    source: Store,
    target: Store,
    *,
    journal: Path | None = None,
    prefix: str = "",
    collections: Sequence[str] = (),
    concurrency: int = 8,
    accept: Collection[str] = (),
    told: Told = lambda _: None,
) -> Report:
    """Copy what one service holds to another of the same contract, and read each item back.

    Items of the target that the source has are overwritten, others are left alone. An error of
    one item is kept in the report and the others go on; the hundredth ends the copy.

    Args:
        source: Opened with ``bytes`` where it is a ``KV``.
        target: Another service of the same contract.
        journal: A file from which the copy goes on when it was stopped, or which, after it,
            lets a later one copy only what has changed. Without one it begins anew.
        prefix: Of the names to copy; of objects, keys and secrets.
        collections: Those to copy, of documents.
        concurrency: Items under way at once, 1 to 256. Of objects each takes up to 48 MiB.
        accept: The words of the losses that are accepted.
        told: Called with the report so far, after each item.

    Raises:
        ConfigurationError: A loss is not accepted, or the journal is of another copy; nothing
            was written.
        InvalidArgumentError: As :func:`losses_of`, or a bound is broken.
    """
    if not 1 <= concurrency <= 256:
        raise InvalidArgumentError(f"concurrency is {concurrency}, it must be 1 to 256")
    mover = _mover(source, target, prefix, collections)
    _check_accepted(mover.losses(), accept)
    about = {
        "source": _named(source),
        "target": _named(target),
        "tenant": current().tenant,
        "prefix": prefix,
        "collections": sorted(collections),
    }
    async with Journal(journal, about) as notes:
        copying = _Copying(mover, notes, told)
        await copying.run(concurrency)
        return copying.report


def _mover(source: Store, target: Store, prefix: str, collections: Sequence[str]) -> Mover:
    if source.pipeline.driver is target.pipeline.driver:
        raise InvalidArgumentError("source and target are one service")
    if isinstance(source, KV) and isinstance(target, KV):
        return KVMover(source, target, prefix)
    if isinstance(source, Objects) and isinstance(target, Objects):
        return ObjectsMover(source, target, prefix)
    if isinstance(source, Secrets) and isinstance(target, Secrets):
        return SecretsMover(source, target, prefix)
    if isinstance(source, Documents) and isinstance(target, Documents):
        return DocumentsMover(source, target, collections)
    kinds = f"{type(source).__name__} and {type(target).__name__}"
    raise InvalidArgumentError(f"{kinds} are not of one contract that can be copied")


def _check_accepted(losses: Sequence[Loss], accept: Collection[str]) -> None:
    lost = [one for one in losses if one.accept is not None and one.accept not in accept]
    if lost:
        raise ConfigurationError(
            "; ".join(f"{one.what} cannot be carried: {one.why}" for one in lost),
            hint="accept it: " + " ".join(f"--accept-loss {one.accept}" for one in lost),
        )


def _named(store: Store) -> str:
    service: ServiceInfo = store.pipeline.service
    return f"{service.name} ({service.provider})"


class _Copying:
    def __init__(self, mover: Mover, notes: Journal, told: Told) -> None:
        self.report = Report()
        self._mover = mover
        self._notes = notes
        self._told = told

    async def run(self, concurrency: int) -> None:
        """Move all items, until there are none left or too many failed."""
        send, receive = anyio.create_memory_object_stream[Item](_AHEAD)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._list, send)
                for _ in range(concurrency):
                    group.start_soon(self._move_all, receive.clone(), group.cancel_scope)
                receive.close()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None

    async def _list(self, send: MemoryObjectSendStream[Item]) -> None:
        with send:
            async for item in self._mover.items():
                self.report.found += 1
                await send.send(item)
        self.report.complete = True

    async def _move_all(
        self, receive: MemoryObjectReceiveStream[Item], scope: anyio.CancelScope
    ) -> None:
        with receive:
            async for item in receive:
                await self._move(item)
                self._told(self.report)
                if len(self.report.failures) >= _MOST_FAILURES:
                    self.report.complete = False
                    scope.cancel()

    async def _move(self, item: Item) -> None:
        report = self.report
        try:
            moved = await self._mover.move(item, self._notes)
        except OmniCloudError as error:
            report.failures.append(Failure(item.place, type(error).__name__, str(error)))
            return
        if moved is None:
            report.vanished += 1
        elif not moved.written:
            report.unchanged += 1
        else:
            await self._notes.done(item.place, moved.version)
            report.copied += 1
            report.size_bytes += moved.size_bytes


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the group; those of its siblings followed from it."""
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
