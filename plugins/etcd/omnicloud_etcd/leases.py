"""Leases that end what expired: shared by keys that end at about the same time.

The end that counts is in the value and exact; the lease only sees to it that the server removes
the key soon after, also when no client is left. A lease has whole seconds, and two at least.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from omnicloud_etcd.client import Client
from omnicloud_etcd.errors import Refusal, translated
from omnicloud_etcd.wire import Granted, LeaseGrant

__all__ = ["Leases"]

_AFTER_SECONDS = 1.0  # of the end, by which clocks may differ
_SHARED_SECONDS = 1.0
_SHARED_RATIO = 0.05
_KEPT = 256

R = TypeVar("R")


class Leases:
    """The leases of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._granting = asyncio.Lock()
        self._ends: dict[int, float] = {}

    async def holding(self, end_ms: int, write: Callable[[int], Awaitable[R]]) -> R:
        """Make a write whose key the server removes soon after ``end_ms``.

        ``write`` is given the lease, 0 where the end never comes. It is called again where the
        server does not know the lease, so nothing was done.
        """
        left = self._client.time.seconds_to(end_ms)
        if left is None:
            return await write(0)
        lease = await self._of(left)
        try:
            return await write(lease)
        except Refusal:
            self._ends.pop(lease, None)
        try:
            return await write(await self._of(left))
        except Refusal as error:
            raise translated(error) from error

    async def _of(self, left: float) -> int:
        found = self._found(left)
        if found is not None:
            return found
        async with self._granting:
            found = self._found(left)
            return await self._granted(left) if found is None else found

    def _found(self, left: float) -> int | None:
        now = self._client.time.monotonic()
        least = now + left + _AFTER_SECONDS
        for lease, end in self._ends.items():
            if least <= end <= least + _shared(left) + 1.0:
                return lease
        return None

    async def _granted(self, left: float) -> int:
        asked = self._client.time.monotonic()
        seconds = math.ceil(max(0.0, left) + _AFTER_SECONDS + _shared(left))
        granted = await self._client.ask(
            "/v3/lease/grant", LeaseGrant(ttl=seconds), Granted, writes=True
        )
        self._remember(granted.id, asked + granted.ttl)
        return granted.id

    def _remember(self, lease: int, end: float) -> None:
        now = self._client.time.monotonic()
        for known in [known for known, ends in self._ends.items() if ends <= now]:
            del self._ends[known]
        while len(self._ends) >= _KEPT:
            del self._ends[next(iter(self._ends))]
        self._ends[lease] = end


def _shared(left: float) -> float:
    """For how long after the first key of a lease others may join it, in seconds."""
    return max(_SHARED_SECONDS, _SHARED_RATIO * left)
