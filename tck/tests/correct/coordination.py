"""Right drivers of messages, events, sagas, locks and circuits that are not like the reference."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from correct.common import correct, slowed
from omnicloud.contracts.breaker.keeper import InProcess
from omnicloud.contracts.locks import Grant
from omnicloud.contracts.locks.driver import Acquire, Release
from omnicloud.contracts.locks.models import LocksFeature, LocksLimits
from omnicloud.contracts.messaging.driver import DeadLetters, Receive
from omnicloud.contracts.messaging.models import DeadPage, Delivery, MessagingLimits
from omnicloud.contracts.outbox.models import OutboxLimits
from omnicloud.contracts.sagas.models import SagaLimits
from omnicloud.core.operation import Feature
from omnicloud.memory.breaker import MemoryBreaker
from omnicloud.memory.locks import MemoryLocks
from omnicloud.memory.messaging import MemoryMessaging
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.sagas import MemorySagas
from omnicloud.memory.store import MemoryStore


@correct("messaging")
class FewAtATime(MemoryMessaging):
    """Lends two at most, cuts long waits short, lists dead letters seven a page, slow; narrow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def limits(self) -> MessagingLimits:
        return MessagingLimits(
            payload_max_bytes=4096,
            headers_max_bytes=1024,
            batch_max_items=5,
            retention_seconds=3600.0,
            dedupe_seconds=300.0,
        )

    async def receive(self, op: Receive, /) -> tuple[Delivery, ...]:
        return await super().receive(replace(op, most=min(op.most, 2), wait=min(op.wait, 0.6)))

    async def dead_letters(self, op: DeadLetters, /) -> DeadPage:
        return await super().dead_letters(replace(op, limit=min(op.limit, 7)))


@correct("messaging")
class BareMessaging(MemoryMessaging):
    """Delivers, and declares nothing else; small limits."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()

    @property
    def limits(self) -> MessagingLimits:
        return MessagingLimits(payload_max_bytes=4096, batch_max_items=1)


@correct("outbox")
class SlowOutbox(MemoryOutbox):
    """Slow, with smaller limits."""

    def __init__(self, store: MemoryStore, namespace: str = "", **more: object) -> None:
        super().__init__(slowed(store), namespace, **more)  # type: ignore[arg-type]  # passed on

    @property
    def limits(self) -> OutboxLimits:
        return OutboxLimits(payload_max_bytes=4096)


@correct("outbox")
class BareOutbox(MemoryOutbox):
    """Without transactions."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()


@correct("sagas")
class SlowSagas(MemorySagas):
    """Slow, with smaller limits."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)

    @property
    def limits(self) -> SagaLimits:
        return SagaLimits(payload_max_bytes=4096, history_max_entries=40)


@correct("sagas")
class BareSagas(MemorySagas):
    """Does not list."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()


@correct("locks")
class SlowLocks(MemoryLocks):
    """Slow, one request after another, with tokens that leave gaps and few permits."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)
        self._turn = asyncio.Lock()

    @property
    def limits(self) -> LocksLimits:
        return LocksLimits(permits_max=50)

    async def acquire(self, op: Acquire, /) -> Grant | None:
        async with self._turn:
            grant = await super().acquire(op)
        return grant and Grant((grant.token or 0) * 1000 + 17)

    async def release(self, op: Release, /) -> None:
        async with self._turn:
            await super().release(op)


@correct("locks")
class NoLine(MemoryLocks):
    """Keeps no line: whoever asks first when it is free."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset({LocksFeature.FENCING})

    async def acquire(self, op: Acquire, /) -> Grant | None:
        return await super().acquire(replace(op, queue_seconds=None))


@correct("breaker")
class SlowBreaker(MemoryBreaker):
    """Slow."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(slowed(store), namespace)


@correct("breaker")
class OwnCircuits(InProcess):
    """Each client has circuits of its own."""

    def __init__(self, store: MemoryStore, namespace: str = "") -> None:
        super().__init__(store.clock)
