"""The class users hold: values that may be lost, kept near for a while."""

from __future__ import annotations

import random
import secrets
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from typing import Generic, TypeVar, final

import anyio

from omnicloud.contracts.cache.driver import (
    CacheDriver,
    Claim,
    Clear,
    Delete,
    Fill,
    Get,
    Set,
    Touch,
    Unclaim,
)
from omnicloud.contracts.cache.early import LoadTimes
from omnicloud.contracts.cache.flights import Flight, Flights
from omnicloud.contracts.cache.models import Cached, CacheFeature, CacheStatistics
from omnicloud.core.arguments import awaited, check_function
from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.codec import Codec
from omnicloud.core.context import current, no_deadline
from omnicloud.core.durations import Seconds, positive, seconds
from omnicloud.core.names import check_name, check_prefix
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import OmniCloudError

__all__ = ["Cache"]

T = TypeVar("T")
Loader = Callable[[], Awaitable[T]]

_CLAIM_SECONDS = 30.0
_CLEAN_UP_SECONDS = 5.0
_FIRST_PAUSE = 0.01  # seconds between looks at what another process loads
_LONGEST_PAUSE = 0.25


@final
class Cache(Generic[T]):
    """Values that may be lost, kept near for a while.

    An entry may be gone at any time; it is never expired, and never one that was written over
    or deleted. Names are any Unicode of 1 to 1,024 bytes of UTF-8. Every method may raise
    :class:`~omnicloud.errors.UnavailableError` (unknown), ``DeadlineExceededError`` (unknown)
    and ``ClosedError``.

    Args:
        pipeline: The way to the driver.
        codec: Values as bytes.
        clock: Measures loads and waits for other processes.
        draw: Randomness of the early refresh, uniform in [0, 1).
    """

    def __init__(
        self,
        pipeline: Pipeline[CacheDriver],
        codec: Codec[T],
        *,
        clock: Clock = SYSTEM_CLOCK,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._pipeline = pipeline
        self._codec = codec
        self._clock = clock
        self._flights: Flights[T] = Flights()
        self._times = LoadTimes(draw)
        self._counts = CacheStatistics()

    @property
    def pipeline(self) -> Pipeline[CacheDriver]:
        """The way to the driver."""
        return self._pipeline

    async def get(self, key: str) -> T | None:
        """The value of a key, or ``None`` where there is none (any more)."""
        entry = await self._read(check_name(key, "key"))
        return None if entry is None else self._codec.decode(entry.value)

    async def set(self, key: str, value: T, ttl: Seconds | None = None) -> None:
        """Write a value.

        Args:
            key: 1 to 1,024 bytes of UTF-8.
            value: Of the type this service was opened with.
            ttl: Time to live from the write, at least a millisecond; ``None`` is until it is
                evicted, also for a key that had one.

        Raises:
            InvalidArgumentError: A bound is broken; nothing was sent.
        """
        op = Set(check_name(key, "key"), self._codec.encode(value), _ttl(ttl))
        self._flights.outdate_key(_flight_key(key))
        await self._pipeline.send(op)
        self._flights.outdate_key(_flight_key(key))

    async def delete(self, key: str) -> None:
        """Delete a key, live or not."""
        op = Delete(check_name(key, "key"))
        self._flights.outdate_key(_flight_key(key))
        await self._pipeline.send(op)
        self._flights.outdate_key(_flight_key(key))

    async def touch(self, key: str, ttl: Seconds | None = None) -> bool:
        """Decide the time to live of a live key anew, from now; whether it was live.

        Needs ``touch``.
        """
        return await self._pipeline.send(Touch(check_name(key, "key"), _ttl(ttl)))

    async def clear(self, prefix: str = "") -> None:
        """Delete every key that starts with ``prefix``; without one, all. Needs ``clear``."""
        op = Clear(check_prefix(prefix))
        tenant = current().tenant
        self._outdate_prefix(tenant, prefix)
        await self._pipeline.send(op)
        self._outdate_prefix(tenant, prefix)

    async def get_or_load(
        self, key: str, loader: Loader[T], ttl: Seconds | None = None, *, early: float = 1.0
    ) -> T:
        """The value of a key, loaded and stored where there is none.

        However many ask at once, one loader runs; its error is the error of all who wait. Who
        is cancelled while waiting does not stop it, unless no one else waits. With
        ``cross_process_flight`` one loader runs among all processes, but one that takes longer
        than 30 seconds may be run by a second. The loader runs in the context of the first who
        asked. Where the key is written or deleted while the loader runs, the loaded value is
        returned to those who asked before, but not stored.

        Args:
            key: 1 to 1,024 bytes of UTF-8.
            loader: Called without arguments; returns the value.
            ttl: As for :meth:`set`.
            early: How eagerly to load anew before the end of a life, so that it does not end
                for many at once: 1 is the optimum, 0 is never. Only the process that loaded a
                value refreshes it early; where that fails the old value is returned.
        """
        check_name(key, "key")
        check_function(loader, "loader", "async def load() -> ...: ...")
        life = _ttl(ttl)
        beta = seconds(early, "early")
        entry = await self._read(key)
        if entry is None:
            return await self._join(key, loader, life)
        value = self._codec.decode(entry.value)
        if not self._times.is_due(_flight_key(key), entry.expires_in, beta):
            return value
        return await self._refreshed(key, loader, life, value)

    def statistics(self) -> CacheStatistics:
        """What this object has done since it was made."""
        return self._counts

    async def aclose(self) -> None:
        """Close: loads under way are cancelled, calls in flight get a grace. Twice is silent."""
        await self._flights.aclose()
        await self._pipeline.aclose()

    async def _read(self, key: str) -> Cached | None:
        entry = await self._pipeline.send(Get(key))
        hit = entry is not None
        counts = self._counts
        self._counts = replace(counts, hits=counts.hits + hit, misses=counts.misses + (not hit))
        return entry

    async def _refreshed(self, key: str, loader: Loader[T], ttl: float | None, old: T) -> T:
        try:
            return await self._join(key, loader, ttl, refresh=True)
        except Exception:  # noqa: BLE001 - counted; the old value is still good
            return old

    async def _join(
        self, key: str, loader: Loader[T], ttl: float | None, *, refresh: bool = False
    ) -> T:
        async def fly(flight: Flight[T]) -> T:
            if CacheFeature.CROSS_PROCESS_FLIGHT in self._pipeline.driver.features:
                return await self._load_as_one(key, loader, ttl, flight, refresh=refresh)
            value = await self._load(key, loader)
            if not flight.stale:
                await self._pipeline.send(Set(key, self._codec.encode(value), ttl))
            return value

        return await self._flights.join(_flight_key(key), fly)

    async def _load_as_one(
        self, key: str, loader: Loader[T], ttl: float | None, flight: Flight[T], *, refresh: bool
    ) -> T:
        """Load as the one process that holds the claim, or wait for what another loads."""
        owner = secrets.token_hex(16)
        try:
            entry = await self._claim_or_find(key, owner, refresh=refresh)
            if entry is not None:
                return self._codec.decode(entry.value)
            return await self._fill(key, owner, loader, ttl, flight, refresh=refresh)
        except BaseException:
            await self._give_up(key, owner)
            raise

    async def _claim_or_find(self, key: str, owner: str, *, refresh: bool) -> Cached | None:
        """The entry that another process loads meanwhile, or ``None`` with the claim won."""
        pause = _FIRST_PAUSE
        while not await self._pipeline.send(Claim(key, owner, _CLAIM_SECONDS)):
            if not refresh:
                await self._clock.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            entry = await self._pipeline.send(Get(key))
            if entry is not None:
                return entry
            refresh = False
        return None

    async def _give_up(self, key: str, owner: str) -> None:
        """Let another load at once; where that cannot be said, the claim ends by itself."""
        with (
            anyio.CancelScope(shield=True),
            anyio.move_on_after(_CLEAN_UP_SECONDS),
            suppress(OmniCloudError),
            no_deadline(),
        ):
            await self._pipeline.send(Unclaim(key, owner))

    async def _fill(
        self,
        key: str,
        owner: str,
        loader: Loader[T],
        ttl: float | None,
        flight: Flight[T],
        *,
        refresh: bool,
    ) -> T:
        # Another process may have filled it between our look and our claim.
        entry = None if refresh else await self._pipeline.send(Get(key))
        if entry is not None:
            await self._pipeline.send(Unclaim(key, owner))
            return self._codec.decode(entry.value)
        value = await self._load(key, loader)
        data = self._codec.encode(value)
        if flight.stale:
            await self._pipeline.send(Unclaim(key, owner))
        else:
            await self._pipeline.send(Fill(key, owner, data, ttl))
        return value

    async def _load(self, key: str, loader: Loader[T]) -> T:
        started = self._clock.monotonic()
        try:
            answer = loader()
            awaited(answer, "loader")
            value = await answer
        except Exception:
            self._counts = replace(self._counts, load_errors=self._counts.load_errors + 1)
            raise
        self._counts = replace(self._counts, loads=self._counts.loads + 1)
        self._times.note(_flight_key(key), self._clock.monotonic() - started)
        return value

    def _outdate_prefix(self, tenant: str | None, prefix: str) -> None:
        self._flights.outdate(
            lambda key: isinstance(key, tuple) and key[0] == tenant and key[1].startswith(prefix)
        )


def _flight_key(key: str) -> Hashable:
    """Two tenants never share a flight, whatever the layers do."""
    return current().tenant, key


def _ttl(ttl: Seconds | None) -> float | None:
    return None if ttl is None else positive(ttl, "ttl")
