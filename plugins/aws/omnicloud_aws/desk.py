"""The loans of one group in this process: what is lent, until when, and what becomes of it.

SQS lends for whole seconds and takes a late receipt without a word, so who was lent a message
keeps here until when the receipt is good. A message that has to say something else than before
(its attempts, how long it waits) is sent anew before the old one is deleted.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from omnicloud.contracts.messaging.models import Delivery
from omnicloud.errors import OmniCloudError
from omnicloud_aws.behind import Behind, unhurt
from omnicloud_aws.queues import BATCH, LONGEST_WAIT, Found, Queues

__all__ = ["Desk", "Loan"]

_PAUSE_SECONDS = 0.1  # between looks where less than a second is left
_TRANSIT_SECONDS = 0.1  # in which an answer should have come, while the service counts already


@dataclass(slots=True)
class Loan:
    """A message that is lent.

    Attributes:
        attempt: Which this is.
        ends: Monotonic seconds.
    """

    found: Found
    attempt: int
    ends: float


class Desk:
    """Lends the messages of one queue.

    Args:
        noted: Called when a message says that something is scheduled, and nothing else.
    """

    def __init__(
        self, queues: Queues, name: str, behind: Behind, noted: Callable[[], None]
    ) -> None:
        self._queues = queues
        self._name = name
        self._behind = behind
        self._noted = noted
        self._clock = queues.client.time.clock
        self._loans: dict[str, Loan] = {}

    async def receive(self, most: int, wait: float, lease: float) -> tuple[Delivery, ...]:
        """Lend messages.

        Raises:
            NotFoundError: There is no such queue.
        """
        until = self._clock.monotonic() + wait
        left = wait
        while True:
            came = await self._found(min(most, BATCH), _polled(left), lease)
            was_empty = not came
            if found := await self._due(came):
                return self._lent(await self._more(found, most, lease), lease)
            left = until - self._clock.monotonic()
            if was_empty and left <= 0:
                return ()
            if was_empty and _polled(left) == 0:
                await self._clock.sleep(min(_PAUSE_SECONDS, left))

    async def ack(self, receipt: str) -> bool:
        """Forget the message."""
        return await self._settled(receipt, self._deleted)

    async def nack(self, receipt: str, delay: float, *, count: bool) -> bool:
        """Give the message back."""

        async def given_back(loan: Loan) -> bool:
            if count and not delay:
                (good,) = await self._queues.hide(self._name, [loan.found.handle], 0)
                return good
            attempts = loan.attempt - (not count)
            await self._queues.send_again(self._name, loan.found, attempts, delay)
            return True

        return await self._settled(receipt, given_back)

    async def extend(self, receipts: tuple[str, ...], lease: float) -> tuple[str, ...]:
        """Let leases end anew; which receipts are good."""
        now = self._clock.monotonic()
        asked = [one for one in receipts if one in self._loans and self._loans[one].ends > now]
        if not asked:
            await self._queues.count(self._name)
            return ()
        handles = [self._loans[one].found.handle for one in asked]
        good = await self._queues.hide(self._name, handles, lease)
        for receipt, is_good in zip(asked, good, strict=True):
            if not is_good:
                self._loans.pop(receipt, None)
            elif receipt in self._loans:
                self._loans[receipt].ends = now + lease  # the service counts from later on
        return tuple(one for one in asked if one in self._loans)

    async def kill(self, receipt: str, buried: Callable[[Loan], Coroutine[Any, Any, None]]) -> bool:
        """Replace the message by what ``buried`` sends."""

        async def moved(loan: Loan) -> bool:
            await buried(loan)
            await self._deleted(loan)
            return True

        return await self._settled(receipt, moved)

    # Messages in.

    async def _found(self, most: int, wait: int, lease: float) -> list[Found]:
        """What is there; what comes for a call that was cancelled goes back."""
        coming = self._behind.wait(self._queues.receive(self._name, most, wait, lease))
        try:
            return await unhurt(coming)
        except asyncio.CancelledError:
            self._behind.start(self._strayed(coming))
            raise

    async def _strayed(self, coming: asyncio.Task[list[Found]]) -> None:
        with suppress(OmniCloudError):
            await self._returned(await coming)

    async def _returned(self, found: Sequence[Found]) -> None:
        """Give back what nobody was lent, so that it was no attempt."""
        for one in found:
            with suppress(OmniCloudError):
                left = max(0.0, self._left(one))
                await self._queues.send_again(self._name, one, one.attempt - 1, left)

    async def _due(self, found: list[Found]) -> list[Found]:
        """Those that are due; the others are sent anew, to wait on."""
        for note in [one for one in found if not one.meta.id]:
            found.remove(note)
            if note.meta.key is None:
                self._noted()
            self._behind.start(self._queues.delete(self._name, note.handle))
        early = [one for one in found if self._left(one) > 0]
        if early:
            try:
                await self._behind.through(self._returned(early))
            except asyncio.CancelledError:
                self._behind.start(self._returned([one for one in found if one not in early]))
                raise
        return [one for one in found if one not in early]

    async def _more(self, found: list[Found], most: int, lease: float) -> list[Found]:
        """More of what is there, where more was asked for than one request brings."""
        last = found
        try:
            while len(found) < most and len(last) == BATCH:
                last = await self._due(await self._found(min(most - len(found), BATCH), 0, lease))
                found = found + last
        except asyncio.CancelledError:
            self._behind.start(self._returned(found))
            raise
        except OmniCloudError:
            pass  # what came is lent: it is the answer
        return found

    def _left(self, one: Found) -> float:
        return one.left(self._queues.client.time.now())

    # Loans.

    def _lent(self, found: Sequence[Found], lease: float) -> tuple[Delivery, ...]:
        now = self._clock.monotonic()
        for receipt in [name for name, loan in self._loans.items() if loan.ends <= now]:
            del self._loans[receipt]
        return tuple(self._lend(one, lease) for one in found)

    def _lend(self, one: Found, lease: float) -> Delivery:
        receipt = secrets.token_hex(16)
        loan = Loan(one, one.attempt, one.came + _held(lease))
        self._loans[receipt] = loan
        return Delivery(
            id=one.meta.id,
            payload=one.payload,
            key=one.meta.key,
            headers=dict(one.meta.headers),
            published_at=one.meta.published_at,
            attempt=loan.attempt,
            receipt=receipt,
        )

    async def _settled(
        self, receipt: str, settle: Callable[[Loan], Coroutine[Any, Any, bool]]
    ) -> bool:
        """Do it with what is lent, to its end even if the call is cancelled."""
        loan = self._loans.pop(receipt, None)
        if loan is None or loan.ends <= self._clock.monotonic():
            await self._queues.count(self._name)  # who cannot reach the service learns nothing
            return False
        return await self._behind.through(self._kept(receipt, loan, settle))

    async def _kept(
        self, receipt: str, loan: Loan, settle: Callable[[Loan], Coroutine[Any, Any, bool]]
    ) -> bool:
        """Settle it; where that fails it stays lent."""
        try:
            return await settle(loan)
        except OmniCloudError:
            self._loans[receipt] = loan
            raise

    async def _deleted(self, loan: Loan) -> bool:
        return await self._queues.delete(self._name, loan.found.handle)


def _polled(left: float) -> int:
    """The whole seconds of a request for messages; what has passed since is none less."""
    return min(max(0, math.floor(round(left, 1))), LONGEST_WAIT)


def _held(lease: float) -> float:
    """For how long a receipt is good whose message is hidden for a lease, rounded up."""
    return min(lease, math.ceil(lease) - _TRANSIT_SECONDS)
