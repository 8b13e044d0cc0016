"""The laws of whose turn it is among sagas of several statuses, and of versions that are told."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas import SagaFeature
from omnicloud.contracts.sagas.driver import Claim, Create, Get, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import equal, that
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["OrderLaws"]

Pipe = Pipeline[Any]

_SPACE = "orders"
_IDS = ("m", "Z", "a", "\U0001f600", "\uffee", "k", "k ", "0")
_STATUSES = ("B", "A", "C")
_LONG, _SHORT = 600.0, 0.3
_TICK = 0.02  # so that one saga waits longer than another by any clock
_UPDATES = 300


class OrderLaws(Contract):
    """One line, however many statuses stand in it."""

    @law(
        "SA-161",
        "Sagas of several statuses stand in one line, and a lease that ended, or is the owner's "
        "own, changes nobody's place in it.",
    )
    async def one_line_for_all(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        for number, saga_id in enumerate(_IDS):
            owner = (None, "left", "mine")[number % 4] if number % 4 < 3 else None
            lease = _LONG if owner == "mine" else _SHORT
            record = SagaRecord(saga_id, _STATUSES[number % 3], number, (), b"{}", 0)
            await one.send(Create(_SPACE, record, owner, lease if owner else 0.0))
            if number == 0:  # no other waited before its last update
                for version in range(1, 4):
                    await one.send(Update(_SPACE, _of(record, version)))
            await world.sleep(_TICK)
        await world.sleep(_SHORT)
        own = set(_IDS[2::4])
        for statuses in (("A", "B", "C"), ("C", "B", "A")):
            line: list[str] = []
            for turn in range(len(_IDS)):
                op = Claim(_SPACE, statuses, "mine", _LONG, 1, None, tuple(line))
                found = await (one, two)[turn % 2].send(op)
                line += [record.saga_id for record in found]
            # What the owner has leased already it may be given again, or not.
            expected = [saga_id for saga_id in _IDS if saga_id in line or saga_id not in own]
            equal(expected, line, f"sagas of {statuses} claimed one by one")
            for saga_id in line[::2]:
                await two.send(Keep(_SPACE, saga_id, "mine", 0.0))
            own = {*own, *line} - {*line[::2]}

    @law(
        "SA-162",
        "The version that any question tells is the one with which an update is taken.",
    )
    async def told_versions_are_good(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        record = SagaRecord("s", "RUNNING", None, (), b"{}", 0)
        await one.send(Create(_SPACE, record))
        expected = 1
        for turn in range(_UPDATES if world.virtual else _UPDATES // 20):
            told = await self._told(two, turn)
            that(told is not None, "a saga is not told of")
            equal(expected, told and told.version, f"the version told, way {turn % 3}")
            expected = await one.send(Update(_SPACE, _of(record, expected)))

    async def _told(self, pipe: Pipe, turn: int) -> SagaRecord | None:
        if turn % 3 == 0:
            found: SagaRecord | None = await pipe.send(Get(_SPACE, "s"))
            return found
        if turn % 3 == 1 and SagaFeature.LIST in pipe.driver.features:
            listed: tuple[SagaRecord, ...] = await pipe.send(ListSagas(_SPACE, "RUNNING"))
            return next(iter(listed), None)
        op = Claim(_SPACE, ("RUNNING",), "o", _LONG, 1, (None, "s")[turn % 2])
        records = await pipe.send(op)
        if not records:  # what the owner has leased already it may be given again, or not
            await pipe.send(Keep(_SPACE, "s", "o", 0.0))
            records = await pipe.send(op)
        return next(iter(records), None)


def _of(record: SagaRecord, version: int) -> SagaRecord:
    return SagaRecord(record.saga_id, record.status, record.current_step, (), b"{}", version)
