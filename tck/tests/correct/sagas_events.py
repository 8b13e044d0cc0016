"""A right sagas driver that keeps events, of which a saga is what they say together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaFeature, SagaLimits, SagaRecord
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import SagaStateConflictError

_TICK = 0.001


@dataclass(frozen=True, slots=True)
class Told:
    """A saga has this state since then, or is leased until then."""

    at: float
    state: SagaRecord | None = None
    owner: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Stands:
    """What the events of a saga come to."""

    state: SagaRecord
    waits_since: float
    owner: str


class Streams(Backend):
    """The events of each saga, by space and id."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.all: dict[tuple[str, str], list[Told]] = {}

    def tell_of(self, space: str, saga_id: str, *events: Told) -> None:
        """Append events of a saga."""
        self.all.setdefault((space, saga_id), []).extend(events)

    def played(self, space: str, saga_id: str) -> Stands | None:
        """How a saga stands; ``None`` where there is none."""
        state, since, owner, until = None, 0.0, "", 0.0
        for event in self.all.get((space, saga_id), ()):
            if event.state is not None:
                state, since = event.state, event.at
            else:
                owner, until = event.owner, event.until
        if state is None:
            return None
        return Stands(state, since, owner if until > self.now() else "")

    def of(self, space: str) -> list[Stands]:
        """All sagas of a space by their ids."""
        ids = sorted(saga_id for held, saga_id in self.all if held == space)
        return [stands for one in ids if (stands := self.played(space, one)) is not None]


@correct("sagas", spared=("SA-151", "SA-152"))
class SourcedSagas(Apart):
    """Who waited longest is known to the millisecond only; ties come as chance has them."""

    backend_class = Streams
    _backend: Streams
    features: frozenset[Feature] = frozenset({SagaFeature.LIST})
    limits = SagaLimits(name_max_bytes=1410, payload_max_bytes=4096, history_max_entries=60)

    async def create(self, op: Create, /) -> None:
        await self.arrive()
        if self._backend.played(op.space, op.state.saga_id) is not None:
            raise SagaStateConflictError("there are events of that id")
        events = [Told(self._backend.now(), replace(op.state, version=1))]
        if op.owner is not None:
            events.append(self._leased(op.owner, op.lease))
        self._backend.tell_of(op.space, op.state.saga_id, *events)
        await self.linger()

    async def get(self, op: Get, /) -> SagaRecord | None:
        await self.arrive()
        stands = self._backend.played(op.space, op.saga_id)
        await self.linger()
        return None if stands is None else stands.state

    async def update(self, op: Update, /) -> int:
        await self.arrive()
        stands = self._backend.played(op.space, op.state.saga_id)
        if stands is None or stands.state.version != op.state.version:
            raise SagaStateConflictError("the events say another version")
        state = replace(op.state, version=op.state.version + 1)
        self._backend.tell_of(op.space, state.saga_id, Told(self._backend.now(), state))
        await self.linger()
        return state.version

    async def list_sagas(self, op: ListSagas, /) -> tuple[SagaRecord, ...]:
        await self.arrive()
        states = (stands.state for stands in self._backend.of(op.space))
        wanted = [one for one in states if one.status == op.status]
        found = tuple(one for one in wanted if op.after is None or one.saga_id > op.after)
        await self.linger()
        return found[: op.limit]

    async def claim(self, op: Claim, /) -> tuple[SagaRecord, ...]:
        await self.arrive()
        found = [one for one in self._backend.of(op.space) if _is_asked(one, op)]
        self._backend.chance.shuffle(found)
        found.sort(key=lambda one: one.waits_since // _TICK)
        for one in found[: op.most]:
            lease = self._leased(op.owner, op.lease)
            self._backend.tell_of(op.space, one.state.saga_id, lease)
        await self.linger()
        return tuple(one.state for one in found[: op.most])

    async def keep(self, op: Keep, /) -> bool:
        await self.arrive()
        stands = self._backend.played(op.space, op.saga_id)
        had = stands is not None and stands.owner == op.owner
        if had:
            self._backend.tell_of(op.space, op.saga_id, self._leased(op.owner, op.lease))
        await self.linger()
        return had

    def _leased(self, owner: str, lease: float) -> Told:
        now = self._backend.now()
        return Told(now, None, owner, now + lease)


def _is_asked(one: Stands, op: Claim) -> bool:
    state = one.state
    named = op.saga_id in (None, state.saga_id) and state.saga_id not in op.excluded
    return named and state.status in op.statuses and one.owner in ("", op.owner)
