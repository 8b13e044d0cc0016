"""The law of sagas that are leased, and of what is done to them by hand meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.sagas.driver import Claim, Create, Keep, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SagaStateConflictError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Rung, law
from omnicloud_tck.sagas.claiming import claimed
from omnicloud_tck.world import World

__all__ = ["HandLaws"]

Pipe = Pipeline[Any]
Deed = Callable[[Pipe, str], Awaitable[object]]

_SPACE = "hands"
_LONG, _LONGER = 3600.0, 10 * 3600.0
_SHORT = 0.5
_STATUSES = ("RUNNING", "OTHER")


async def _nothing(pipe: Pipe, saga_id: str) -> None:
    """As its worker left it."""


async def _updated(pipe: Pipe, saga_id: str) -> None:
    await pipe.send(Update(_SPACE, _record(saga_id, version=1)))


async def _moved(pipe: Pipe, saga_id: str) -> None:
    await pipe.send(Update(_SPACE, _record(saga_id, "OTHER", version=1)))


async def _begun_again(pipe: Pipe, saga_id: str) -> None:
    with refused(SagaStateConflictError, "beginning a saga twice"):
        await pipe.send(Create(_SPACE, _record(saga_id), "again", _LONG))


async def _freed(pipe: Pipe, saga_id: str) -> None:
    await pipe.send(Keep(_SPACE, saga_id, "me", 0.0))


async def _shortened(pipe: Pipe, saga_id: str) -> None:
    await pipe.send(Keep(_SPACE, saga_id, "me", _SHORT))


async def _moved_and_shortened(pipe: Pipe, saga_id: str) -> None:
    await _moved(pipe, saga_id)
    await _shortened(pipe, saga_id)


async def _named(pipe: Pipe, saga_id: str) -> None:
    await pipe.send(Claim(_SPACE, _STATUSES, "named", _LONG, 1, saga_id))


_BY_ID = "claimed by its id"
_LEASES = {"free": 0.0, "leased": _LONG, "leased shortly": _SHORT}
_DEEDS: dict[str, Deed] = {
    "left": _nothing,
    "updated": _updated,
    "moved on": _moved,
    "begun again": _begun_again,
    "given free": _freed,
    "shortened": _shortened,
    "moved on and shortened": _moved_and_shortened,
    _BY_ID: _named,
}
_UNSURE = ("leased shortly", _BY_ID)  # a short lease may have ended by then, or not
_FREED = ("given free", "shortened", "moved on and shortened")


class HandLaws(Contract):
    """What is done to one saga is done to no other, and to its lease only by who holds it."""

    @law(
        "SA-160",
        "A saga that is leased, or was, and is updated, begun again, kept or claimed by its id "
        "stays leased as long as that says, and so do all others.",
        rung=Rung.RESILIENCE,
        patience=2 * _LONGER,
    )
    async def hands_leave_leases(self, world: World[Any]) -> None:
        one, two = await world.pipeline(), await world.pipeline()
        cases = list(itertools.product(_LEASES, _DEEDS))
        for late in (False, True):  # the deed is done before, or after a short lease ended
            prefix = "late: " if late else ""
            for state, deed in cases:
                owner = None if state == "free" else "me"
                saga_id = f"{prefix}{state}, {deed}"
                await one.send(Create(_SPACE, _record(saga_id), owner, _LEASES[state]))
            if late:
                await world.sleep(_SHORT + 0.2)
            for state, deed in cases:
                if late or (state, deed) != _UNSURE:
                    await _DEEDS[deed](two, f"{prefix}{state}, {deed}")
        await world.sleep(_SHORT + 0.2)
        every = [f"{prefix}{state}, {deed}" for prefix in ("", "late: ") for state, deed in cases]
        free = sorted(name for name in every if _is_free(name))
        found = sorted(await _claimed(two, "other"))
        equal(free, found, "sagas that another may lease after what was done")
        held = [name for name in every if _is_mine(name)]
        for name in held:
            equal(
                True, await _answer(one, Keep(_SPACE, name, "me", _LONG)), f"the lease of {name!r}"
            )
        if world.virtual:
            await world.sleep(_LONG + 1.0)
            rest = sorted((*held, *(name for name in every if _is_named(name))))
            late_ones = sorted(await _claimed(one, "last"))
            equal(rest, late_ones, "sagas that another may lease when the time is over")


def _parts(name: str) -> tuple[str, str]:
    state, _, deed = name.removeprefix("late: ").partition(", ")
    return state, deed


def _is_free(name: str) -> bool:
    state, deed = _parts(name)
    return deed in _FREED if state == "leased" else not _is_named(name)


def _is_named(name: str) -> bool:
    state, deed = _parts(name)
    return deed == _BY_ID and (state == "free" or name.startswith("late: leased shortly"))


def _is_mine(name: str) -> bool:
    state, deed = _parts(name)
    return state == "leased" and deed not in _FREED


def _record(saga_id: str, status: str = "RUNNING", *, version: int = 0) -> SagaRecord:
    return SagaRecord(saga_id, status, None, (), b"{}", version)


async def _claimed(pipe: Pipe, owner: str) -> set[str]:
    op = Claim(_SPACE, _STATUSES, owner, _LONGER, 1000)
    return {record.saga_id for record in await claimed(pipe, op)}


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
