"""Sagas of every state, beside sagas of the same ids in another place."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas import SagaFeature
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.errors import SagaStateConflictError
from omnicloud_tck.general.strangers import Place, Stay, Strangers
from omnicloud_tck.sagas.claiming import claimed

__all__ = ["SagaStrangers"]

_LONG = 3600.0
_ABSENT = "absent"
_STATES = ("free", "leased", "ended", "updated")
_STATUSES = ("RUNNING", "ENDED", "OTHER")


class SagaStrangers(Strangers):
    """A saga's id is chosen by whoever begins it, and is known in its space."""

    def stay(self, mark: str, *, every: bool) -> Stay:
        return _Sagas(mark, every)


class _Sagas:
    def __init__(self, mark: str, every: bool) -> None:
        pairs = [(mine, other) for mine in _STATES for other in (*_STATES, _ABSENT)]
        if not every:
            pairs = [pair for pair in pairs if pair[1] in (pair[0], _ABSENT, "updated")]
        names = {f"{mine} beside {other} {mark}": (mine, other) for mine, other in pairs}
        self._mine = {one: mine for one, (mine, _) in names.items()}
        self._others = {one: other for one, (_, other) in names.items()}
        self._bare = {one: one.removesuffix(mark) for one in names}

    async def begin(self, place: Place) -> None:
        await self._fill(place, self._mine)

    async def ask(self, place: Place, told: Any) -> list[object]:
        await self._fill(place, self._others)
        pipe, space = place
        found: list[object] = [await self.look(place, None)]
        found.append([await self._leased(place, "third", one) for one in self._mine])
        for owner in ("me", "third"):
            kept = [await pipe.send(Keep(space, one, owner, 0.0)) for one in self._mine]
            found.append(kept)
        found.append([await _written(place, one, 1) for one in self._mine])
        found.append([await _written(place, one, 2) for one in self._mine])
        found.append(await self.look(place, None))
        found.append([await _written(place, one, 0) for one in self._mine])
        found.append(await self._leased(place, "last", None))
        found.append(await self.look(place, None))
        return found

    async def look(self, place: Place, told: Any) -> object:
        pipe, space = place
        records = [await pipe.send(Get(space, one)) for one in self._mine]
        found: list[object] = [
            one and (self._bare[one.saga_id], one.status, one.version) for one in records
        ]
        if SagaFeature.LIST in pipe.driver.features:
            for status in _STATUSES:
                listed = await pipe.send(ListSagas(space, status, None, 1000))
                found.append([(self._bare[one.saga_id], one.version) for one in listed])
        return found

    async def end(self, place: Place, told: Any) -> object:
        free = await self._leased(place, "late", None)
        kept = [
            await place.pipe.send(Keep(place.name, one, "me", _LONG))
            for one, state in self._mine.items()
            if state == "leased"
        ]
        return free, kept

    async def _fill(self, place: Place, states: dict[str, str]) -> None:
        for one, state in states.items():
            if state == _ABSENT:
                continue
            status = "ENDED" if state == "ended" else "RUNNING"
            record = SagaRecord(one, status, None, (), b"{}", 0)
            owner, lease = ("me", _LONG) if state == "leased" else (None, 0.0)
            await place.pipe.send(Create(place.name, record, owner, lease))
            if state == "updated":
                await _written(place, one, 1)

    async def _leased(self, place: Place, owner: str, saga_id: str | None) -> list[str]:
        most = 1 if saga_id else 1000
        op = Claim(place.name, _STATUSES, owner, _LONG, most, saga_id)
        return sorted(self._bare[one.saga_id] for one in await claimed(place.pipe, op))


async def _written(place: Place, saga_id: str, version: int) -> object:
    """Update what has that version, or create what has none; what is told."""
    record = SagaRecord(saga_id, "OTHER", "s", (), b"{}", version)
    op: Any = Update(place.name, record) if version else Create(place.name, record)
    try:
        return await place.pipe.send(op)
    except SagaStateConflictError:
        return "a conflict"
