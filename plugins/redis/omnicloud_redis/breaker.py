"""The breaker contract on a server: a circuit is one string, compared and set.

What a circuit does next is decided in the core, by the server's clock; the server only keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import admitted, read, reported, reset
from omnicloud.contracts.breaker.models import Admission, BreakerFeature, BreakerLimits, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit, Slice
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_redis.config import RedisConfig
from omnicloud_redis.store import Script, Store, keeps_everything, store_of

__all__ = ["FEATURES", "RedisBreaker", "open_breaker"]

FEATURES: frozenset[Feature] = frozenset(BreakerFeature)

_TURNS = 100

_READ = Script(
    "local t = redis.call('TIME')\nreturn {redis.call('GET', KEYS[1]) or '', t[1], t[2]}"
)
"""KEYS: circuit. Answers it, and the time in seconds and microseconds."""

_WRITE = Script(
    """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""
)
"""KEYS: circuit. ARGV: before, after. Answers whether it was as before."""

A = TypeVar("A")
Change = Callable[[Circuit, float], tuple[Circuit, A]]


class RedisBreaker:
    """A breaker driver over a :class:`Store`."""

    def __init__(self, store: Store, prefix: bytes, features: frozenset[Feature]) -> None:
        self._store = store
        self._prefix = prefix
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> BreakerLimits:
        return BreakerLimits()

    async def admit(self, op: Admit, /) -> Admission:
        return await self._change(op.circuit, lambda held, now: admitted(held, op, now))

    async def report(self, op: Report, /) -> Reading:
        return await self._change(op.circuit, lambda held, now: reported(held, op, now))

    async def look(self, op: Look, /) -> Reading:
        _, circuit, now = await self._read(op.circuit)
        return read(circuit, op.settings, now)

    async def reset(self, op: Reset, /) -> Reading:
        return await self._change(op.circuit, lambda held, now: reset(held, op, now))

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    async def _change(self, name: str, change: Change[A]) -> A:
        """Change a circuit; where it stays as it is, as it does in calm times, only read it."""
        for _ in range(_TURNS):
            stored, before, now = await self._read(name)
            after, answer = change(before, now)
            if after == before or await self._write(name, stored, after):
                return answer
        raise UnavailableError(
            f"the circuit was changed by others {_TURNS} times in a row", outcome=Outcome.NOT_DONE
        )

    async def _read(self, name: str) -> tuple[bytes, Circuit, float]:
        stored, whole, micro = await self._store.run(_READ, (self._key(name),))
        now = int(whole) + int(micro) / 1e6
        return stored, _circuit(stored) if stored else CLOSED_CIRCUIT, now

    async def _write(self, name: str, before: bytes, after: Circuit) -> bool:
        return bool(await self._store.run(_WRITE, (self._key(name),), (before, _stored(after))))

    def _key(self, name: str) -> bytes:
        return self._prefix + name.encode()


async def open_breaker(config: RedisConfig, opening: Opening) -> RedisBreaker:
    """A breaker driver on the configured server."""
    store = await store_of(config, opening)
    await keeps_everything(store)
    durable = (await store.facts()).fsyncs
    features = FEATURES if durable else FEATURES - {BreakerFeature.DURABLE}
    return RedisBreaker(store, config.prefix_of(opening.service.name, "breaker"), features)


def _circuit(stored: bytes) -> Circuit:
    generation, failures, opened_at, trial, trial_until, window = json.loads(stored)
    parts = tuple(Slice(*part) for part in window)
    return Circuit(generation, failures, opened_at, trial, trial_until, parts)


def _stored(circuit: Circuit) -> str:
    return json.dumps(
        [
            circuit.generation,
            circuit.failures,
            circuit.opened_at,
            circuit.trial,
            circuit.trial_until,
            circuit.window,
        ]
    )
