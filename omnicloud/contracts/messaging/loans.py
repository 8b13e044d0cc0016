"""The messages that a consumer holds: renewed while it works on them, settled in the end."""

from __future__ import annotations

from collections.abc import Iterable

from omnicloud.contracts.messaging.driver import Ack, Extend, Kill, MessagingDriver, Nack
from omnicloud.contracts.messaging.models import Delivery
from omnicloud.core.backoff import Backoff
from omnicloud.core.clock import Clock
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import ClosedError

__all__ = ["Loans"]

_AGAIN = Backoff(first=0.05, most=2.0, jitter=0.2)


class Loans:
    """Deliveries lent to one consumer.

    Settling is asked for again while the broker does not answer, as long as the lease may
    hold; after that the message is delivered again anyway.
    """

    def __init__(
        self,
        pipeline: Pipeline[MessagingDriver],
        topic: str,
        group: str,
        lease: float,
        clock: Clock,
    ) -> None:
        self._pipeline = pipeline
        self._topic = topic
        self._group = group
        self._lease = lease
        self._clock = clock
        self._held: set[str] = set()

    def take(self, deliveries: Iterable[Delivery]) -> None:
        """Renew these from now on."""
        self._held.update(one.receipt for one in deliveries)

    def drop(self, delivery: Delivery) -> None:
        """Renew it no more."""
        self._held.discard(delivery.receipt)

    async def keep(self) -> None:
        """Renew what is held, until cancelled."""
        while True:
            await self._clock.sleep(self._lease / 3)
            if self._held:
                await self._extend(frozenset(self._held))

    async def _extend(self, held: frozenset[str]) -> None:
        op = Extend(self._topic, self._group, tuple(sorted(held)), self._lease)
        try:
            good = await self._pipeline.send(op)
        except Exception:  # noqa: BLE001 - the next renewal tries again; the lease bounds it
            return
        self._held -= held.difference(good)

    async def ack(self, delivery: Delivery) -> bool:
        """It is handled; whether it was still held."""
        return await self._surely(Ack(self._topic, self._group, delivery.receipt))

    async def kill(self, delivery: Delivery, reason: str) -> bool:
        """It is dead; whether it was still held."""
        return await self._surely(Kill(self._topic, self._group, delivery.receipt, reason))

    async def retry(self, delivery: Delivery, delay: float) -> bool:
        """It failed and comes back; whether it was still held."""
        return await self._surely(Nack(self._topic, self._group, delivery.receipt, delay))

    async def give_back(self, delivery: Delivery) -> bool:
        """It was not started; whether it was still held."""
        op = Nack(self._topic, self._group, delivery.receipt, count=False)
        self.drop(delivery)
        return await self._surely(op)

    async def _surely(self, op: Ack | Kill | Nack) -> bool:
        until = self._clock.monotonic() + self._lease
        failures = 0
        while True:
            try:
                return await self._pipeline.send(op)
            except ClosedError:
                return False
            except Exception:  # noqa: BLE001 - whatever a driver throws, ask again for a while
                failures += 1
                if self._clock.monotonic() >= until:
                    return False
            await self._clock.sleep(_AGAIN.after(failures))
