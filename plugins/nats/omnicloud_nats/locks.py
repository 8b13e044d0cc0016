"""The locks contract on a stream that keeps the last message of each subject.

A name is a subject, and who holds it and who waits is the last message there: each request
replaces that message under the condition that no other came between. A grant's token is the
number of the message that brought it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from omnicloud.contracts.locks.driver import Acquire, Release, Renew
from omnicloud.contracts.locks.line import EMPTY_LINE, Line, Place, granted, left, renewed
from omnicloud.contracts.locks.models import Grant, LocksFeature, LocksLimits
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.names import Subjects
from omnicloud_nats.store import store_of
from omnicloud_nats.stored import Stored
from omnicloud_nats.stream import Stream, open_stream
from omnicloud_nats.turns import Turns, Write

__all__ = ["FEATURES", "NatsLocks", "open_locks"]

FEATURES: frozenset[Feature] = frozenset(LocksFeature)

_LIMITS = LocksLimits(permits_max=5000)  # all holders of a name are in one message
_OWN = 0  # the token of a grant whose message has no number before it is written
_SPARE_SECONDS = 60
_REMEMBERED = 1000


class NatsLocks:
    """A locks driver over a :class:`Stream`."""

    def __init__(self, stream: Stream, features: frozenset[Feature]) -> None:
        self._subjects = Subjects(f"{stream.name}.l")
        self._turns = Turns(stream, _REMEMBERED)
        self._features = features

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> LocksLimits:
        return _LIMITS

    async def acquire(self, op: Acquire, /) -> Grant | None:
        def decide(
            found: Stored | None, now: float
        ) -> tuple[Write | None, Callable[[int], Grant | None]]:
            before = _line(found)
            line, token = granted(
                before,
                op.owner,
                now,
                ttl=op.ttl,
                permits=op.permits,
                queue_seconds=op.queue_seconds,
                token=_OWN,
            )
            if token is None:
                return _write(before, line, now), lambda _: None
            return _write(before, line, now), lambda seq: Grant(token or seq)

        return await self._turns.change(self._subject(op.lock), decide)

    async def renew(self, op: Renew, /) -> bool:
        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], bool]]:
            line, done = renewed(_line(found), op.owner, now, op.ttl)
            return (_write(EMPTY_LINE, line, now) if done else None), lambda _: done

        return await self._turns.change(self._subject(op.lock), decide)

    async def release(self, op: Release, /) -> None:
        def decide(found: Stored | None, now: float) -> tuple[Write | None, Callable[[int], None]]:
            before = _line(found)
            return _write(before, left(before, op.owner), now), lambda _: None

        await self._turns.change(self._subject(op.lock), decide)

    async def aclose(self) -> None:
        """Nothing is held: the store belongs to who opened it."""

    def _subject(self, lock: str) -> str:
        return self._subjects.of(lock)[0]


async def open_locks(config: NatsConfig, opening: Opening) -> NatsLocks:
    """A locks driver on the configured server."""
    store = await store_of(config, opening)
    name = config.stream_of(opening.service.name, "locks")
    stream = await open_stream(store, name, max_msgs_per_subject=1)
    durable = config.durability == "fsync"
    return NatsLocks(stream, FEATURES if durable else FEATURES - {LocksFeature.DURABLE})


def _line(found: Stored | None) -> Line:
    if found is None or not found.data:
        return EMPTY_LINE
    said = json.loads(found.data)
    holders = (Place(*place) for place in said["holders"])
    return Line(
        tuple(one if one.token else one._replace(token=found.seq) for one in holders),
        tuple(Place(*place) for place in said["waiting"]),
    )


def _write(before: Line, line: Line, now: float) -> Write | None:
    """The message of a line; nothing to write where it is as before."""
    if line == before:
        return None
    ends = max((place.until for place in line.holders + line.waiting), default=now)
    life = {"Nats-TTL": f"{math.ceil(max(0.0, ends - now)) + _SPARE_SECONDS}s"}
    if not line.holders and not line.waiting:
        return Write(b"", life)
    said = {"holders": line.holders, "waiting": line.waiting}
    return Write(json.dumps(said).encode(), life)
