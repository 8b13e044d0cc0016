"""The laws of sagas at their edges: steps, histories, numbers, pages, and whose turn it is."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.sagas import SagaFeature, SagaState, SagaStates, SagaStepHistory
from omnicloud.contracts.sagas.driver import Claim, Create, Keep, ListSagas, Update
from omnicloud.contracts.sagas.models import SagaRecord
from omnicloud.contracts.sagas.portable import SPACE, to_record
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SagaStateConflictError
from omnicloud_tck.check import equal, refused, that, together
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import Ability, Level, Rung, law
from omnicloud_tck.sagas.claiming import claimed
from omnicloud_tck.sagas.leases import a_state
from omnicloud_tck.world import World

__all__ = ["SagaEdges"]

_LIST = [SagaFeature.LIST]
_STEPS = (0, 1, -1, "0", "007", "", "None", " step ", None, 2**53 + 1)
_ODD = ("x:y", "x,y", "x|y", "x;y=z", "x\ny", '"x"', " ", "x:", ":x", "\\", "None")
_NUMBERS = {"big": 2**53 + 1, "zero": 0, "none": None, "float": 0.1, "no": False, "text": "1"}
_IDS = ("a", "B", "b", "\u00e9", "\uffee", "\U0001f600", "~")
_LEASE = 0.8
_TICK = 0.02  # so that one saga waits longer than another by any clock


class SagaEdges(Contract):
    """What is stored is what was given, and what is asked for is all that counts."""

    @law("SA-120", "Every kind of step and number comes back as it was, from every question.")
    async def values_come_back(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        states = SagaStates(pipe)
        for number, step in enumerate(_STEPS):
            given = SagaState(f"s-{number:02}", "RUNNING", step, [], dict(_NUMBERS), 0)
            await states.create_state(given)
            found = await states.get_state(given.saga_id)
            equal(given._replace(version=1), found, f"a saga at step {step!r}")
        steps = {f"s-{number:02}": step for number, step in enumerate(_STEPS)}
        given_out = await claimed(pipe, Claim(SPACE, ("RUNNING",), "o", 30.0, 100))
        equal(steps, {one.saga_id: one.current_step for one in given_out}, "steps when claimed")
        if SagaFeature.LIST in pipe.driver.features:
            listed = {one.saga_id: one.current_step async for one in states.list("RUNNING")}
            equal(steps, listed, "steps when listed")

    @law(
        "SA-121",
        "A history keeps every entry, whatever it is called, those alike as well, up to its limit.",
    )
    async def histories_are_whole(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        states = SagaStates(pipe)
        most = min(3000, pipe.driver.limits.history_max_entries)
        odd = [SagaStepHistory(name, of) for name in _ODD for of in ("DONE", name)]
        history = [*odd, *(SagaStepHistory(f"step-{n // 3}", "TRIED") for n in range(most))][:most]
        await states.create_state(SagaState("s", "RUNNING", None, history, {}, 0))
        found = await states.get_state("s")
        equal(most, 0 if found is None else len(found.history), "entries")
        equal(True, found is not None and list(found.history) == history, "the same entries")

    @law("SA-122", "A refused update changes no field, nor the order in which sagas wait.")
    async def refused_updates_change_nothing(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        states = SagaStates(pipe)
        for name in ("first", "second"):
            await states.create_state(a_state(name, payload={"n": 1}))
            await world.sleep(_TICK)
        before = await states.get_state("first")
        entry = [SagaStepHistory("other", "DONE")]
        for version in (0, 2, 7):
            stale = SagaState("first", "OTHER", "other", entry, {"n": 2}, version)
            with refused(SagaStateConflictError, f"an update of version {version}"):
                await states.update_state(stale)
            equal(before, await states.get_state("first"), "the saga after a refused update")
        equal(["first"], _ids(await _claim(pipe, "o", 1)), "the saga that waited longest")

    @law("SA-123", "Those that waited longest are claimed first, whatever they are called.")
    async def the_longest_waiting_first(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for name in ("m", "z", "a", "k"):
            await _answer(pipe, Create(SPACE, to_record(a_state(name))))
            await world.sleep(_TICK)
        await _answer(pipe, Update(SPACE, to_record(a_state("m", version=1))))
        found = [_ids(await _claim(pipe, f"o-{turn}", 1, lease=30.0)) for turn in range(4)]
        # Whether an update begins the waiting anew is for the driver to say.
        unchanged = [ids for ids in found if ids != ["m"]]
        equal([["z"], ["a"], ["k"]], unchanged, "sagas claimed one by one")
        that(["m"] in found, "the saga that was updated is not claimed")

    @law("SA-124", "Claiming looks at all the statuses asked, and leaves out all the excluded.")
    async def claims_read_their_lists(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for number in range(9):
            state = a_state(f"s-{number}", status=("A", "B", "C")[number % 3])
            await _answer(pipe, Create(SPACE, to_record(state)))
        gone = tuple(f"s-{number}" for number in (0, 1, 5, 7))
        op = Claim(SPACE, ("A", "B"), "o", 30.0, 100, None, gone)
        equal(["s-3", "s-4", "s-6"], sorted(_ids(await claimed(pipe, op))), "sagas claimed")

    @law("SA-125", "Of claims at the same time each saga goes to one.", rung=Rung.CONCURRENCY)
    async def concurrent_claims_share(self, world: World[Any]) -> None:
        pipes = [await world.pipeline() for _ in range(4)]
        for turn in range(8):
            for number in range(3):
                await _answer(pipes[0], Create(SPACE, to_record(a_state(f"{turn}-{number}"))))
            calls = [_claim(pipe, f"{turn}-{n}", 1, lease=60.0) for n, pipe in enumerate(pipes)]
            found = [name for some in await together(*calls) for name in _some(some)]
            equal((3, 3), (len(found), len(set(found))), "sagas claimed at once, and unlike")

    @law("SA-126", "Keeping counts from now, whether it prolongs or shortens.")
    async def keeping_counts_from_now(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await _answer(pipe, Create(SPACE, to_record(a_state("s")), "one", 60.0))
        equal(True, await _answer(pipe, Keep(SPACE, "s", "one", 0.4)), "keeping for less")
        await world.sleep(0.6)
        equal(["s"], _ids(await _claim(pipe, "two", 1)), "sagas free after the shorter lease")

    @law("SA-127", "Pages follow code points, after any id, stored or not.", needs=_LIST)
    async def pages_follow_code_points(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for name in _IDS:
            await _answer(pipe, Create(SPACE, to_record(a_state(name))))
        expected = sorted(_IDS)
        listed = await _answer(pipe, ListSagas(SPACE, "RUNNING"))
        equal(expected, _ids(listed), "sagas listed")
        for after in ("a", "aa", "b\0", "\uffed", "\uffff", "A", "~~"):
            page = await _answer(pipe, ListSagas(SPACE, "RUNNING", after, 2))
            rest = [name for name in expected if name > after]
            equal(rest[:2], _ids(page), f"a page after {after!r}")

    @law(
        "SA-128",
        "A step of the wall clock ends no lease and keeps none.",
        level=Level.SHOULD,
        abilities=[Ability.STEP_WALL],
    )
    async def wall_clocks_end_no_lease(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        await _answer(pipe, Create(SPACE, to_record(a_state("s")), "one", _LEASE))
        world.step_wall(7200)
        equal([], _ids(await _claim(pipe, "two", 1)), "after the wall clock went forward")
        world.step_wall(-14400)
        await world.sleep(_LEASE + 0.2)
        equal(["s"], _ids(await _claim(pipe, "two", 1)), "after the lease, the clock set back")


async def _claim(
    pipe: Pipeline[Any], owner: str, most: int, *, lease: float = _LEASE
) -> tuple[SagaRecord, ...]:
    found: tuple[SagaRecord, ...] = await _answer(
        pipe, Claim(SPACE, ("RUNNING",), owner, lease, most)
    )
    return found


def _ids(records: tuple[SagaRecord, ...]) -> list[str]:
    return [record.saga_id for record in records]


def _some(answer: tuple[SagaRecord, ...] | BaseException) -> list[str]:
    if isinstance(answer, BaseException):
        raise answer
    return _ids(answer)


async def _answer(pipe: Pipeline[Any], op: Any) -> Any:
    return await pipe.send(op)
