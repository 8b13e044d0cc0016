"""Programs are repeated by their seed, played to their end, and made small when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

import pytest

from memory_world import memory_world
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.errors import InternalError, Outcome, UnavailableError
from omnicloud.memory.kv import MemoryKV
from omnicloud.testing.virtual import run_virtual
from omnicloud_tck.check import Undecided
from omnicloud_tck.contract import Contract
from omnicloud_tck.histories.events import Action, Call, Fate
from omnicloud_tck.histories.explore import explore
from omnicloud_tck.histories.kv import Registers
from omnicloud_tck.histories.play import played
from omnicloud_tck.histories.programs import Manner, Program, Step, drawn_program
from omnicloud_tck.histories.recorder import Recorder
from omnicloud_tck.histories.show import shown
from omnicloud_tck.histories.shrink import Shrinking
from omnicloud_tck.histories.subjects import Finding
from omnicloud_tck.law import law, laws_of
from omnicloud_tck.machine import Lab
from omnicloud_tck.runner import Verdict, try_law

GET = Action("get", "x")


def drawn(seed: int, number: int) -> Program:
    manner = Manner(outages=True, restarts=True)
    return drawn_program(Registers().draw, seed, number, manner)


def test_a_seed_and_a_number_always_give_the_same_program() -> None:
    assert [drawn(7, n) for n in range(30)] == [drawn(7, n) for n in range(30)]
    assert drawn(7, 3) != drawn(8, 3)


def test_programs_differ_in_clients_troubles_and_cancellations() -> None:
    programs = [drawn(1, n) for n in range(60)]
    assert {len(one.lanes) for one in programs} == {2, 3}
    assert any(one.outage is not None for one in programs)
    assert any(one.shared for one in programs)
    killed = [one for one in programs if one.restart is not None]
    assert killed
    for one in killed:
        assert all(step.cancel is None for lane in one.lanes for step in lane)


def test_every_value_of_a_program_is_written_once() -> None:
    values = [
        step.action.args[0] for lane in drawn(1, 17).lanes for step in lane if step.action.args
    ]
    assert len(set(values)) == len(values) > 0


async def recorded(send: object, cancel: int | None = None) -> tuple[Call, Recorder]:
    recorder = Recorder(SYSTEM_CLOCK)
    call = await recorder.record(0, GET, send, cancel)  # type: ignore[arg-type]  # a coroutine function
    return call, recorder


async def test_an_answered_call_is_done_and_ends_after_it_began() -> None:
    async def send(action: Action) -> Hashable:
        return "a"

    call, recorder = await recorded(send)
    assert (call.fate, call.result, call.begun, call.ended) == (Fate.DONE, "a", 1, 2)
    assert recorder.calls == (call,)


@pytest.mark.parametrize(
    ("outcome", "fate"), [(Outcome.NOT_DONE, Fate.NOT_DONE), (Outcome.UNKNOWN, Fate.UNKNOWN)]
)
async def test_a_failure_says_itself_what_became_of_the_call(outcome: Outcome, fate: Fate) -> None:
    async def send(action: Action) -> Hashable:
        raise UnavailableError("away", outcome=outcome)

    call, recorder = await recorded(send)
    assert (call.fate, call.said) == (fate, "UnavailableError")
    assert not recorder.complaints


async def test_an_error_that_no_weather_explains_is_a_complaint() -> None:
    async def send(action: Action) -> Hashable:
        raise InternalError("no table maps it")

    _, recorder = await recorded(send)
    assert [one.why for one in recorder.complaints] == ["a call failed with InternalError"]


def test_what_began_after_a_call_went_wrong_is_no_part_of_the_finding() -> None:
    class Wrong(MemoryKV):
        async def get(self, op: object, /) -> None:
            raise InternalError("no table maps it")

    put = Step(Action("set", "x", ("a",)))
    later = Step(GET, seconds=1.0)
    program = Program(((put, Step(GET)), (later, later)))
    finding = run_virtual(played(Registers(), memory_world(Wrong), program, "space-"))
    assert finding is not None
    assert finding.why == "a call failed with InternalError: get x"
    assert [str(call.action) for call in finding.calls] == ["set x a", "get x"]


async def test_a_cancelled_call_is_of_unknown_fate_and_its_task_has_ended() -> None:
    ended: list[str] = []

    async def send(action: Action) -> Hashable:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("ended")
        return None

    call, recorder = await recorded(send, cancel=2)
    assert (call.fate, call.ended, call.said) == (Fate.UNKNOWN, None, "cancelled")
    assert ended == ["ended"]
    assert not recorder.complaints


async def test_a_call_that_answers_before_it_is_cancelled_is_done() -> None:
    async def send(action: Action) -> Hashable:
        return "a"

    call, _ = await recorded(send, cancel=5)
    assert (call.fate, call.result) == (Fate.DONE, "a")


def test_a_call_that_is_never_answered_is_a_complaint() -> None:
    class Silent(MemoryKV):
        async def get(self, op: object, /) -> None:
            await asyncio.Event().wait()

    async def play() -> Finding | None:
        world = memory_world(Silent)
        program = Program(((Step(GET),),))
        return await played(Registers(), world, program, "space-")

    finding = run_virtual(play())
    assert finding is not None
    assert finding.why == "a call was never answered: get x"


def test_all_clients_play_through_an_outage_and_a_restart() -> None:
    async def play(program: Program) -> Finding | None:
        return await played(Registers(), memory_world(MemoryKV), program, "space-")

    put = Step(Action("set", "x", ("a",)))
    lane = (put, Step(GET), Step(GET))
    assert run_virtual(play(Program((lane, lane), outage=1))) is None
    assert run_virtual(play(Program((lane, lane), restart=1))) is None
    assert run_virtual(play(Program((lane, lane), shared=True))) is None


def steps(*verbs: str) -> tuple[Step, ...]:
    return tuple(Step(Action(verb, "x"), turns=3, seconds=0.1, cancel=4) for verb in verbs)


def test_shrinking_keeps_what_is_needed_and_nothing_else() -> None:
    found = Finding("wrong", ())

    def replay(program: Program) -> Finding | None:
        verbs = [step.action.verb for lane in program.lanes for step in lane]
        return found if {"bad", "worse"} <= set(verbs) else None

    program = Program(
        (steps("a", "b", "bad", "c"), steps("d", "e"), steps("worse", "f")), outage=2, restart=1
    )
    shrinking = Shrinking(program, found, replay, lambda: True)
    shrinking.run()
    assert shrinking.program == Program(
        ((Step(Action("bad", "x")),), (), (Step(Action("worse", "x")),))
    )
    assert shrinking.tries < 80


def test_shrinking_leaves_out_two_steps_that_only_go_together() -> None:
    found = Finding("wrong", ())

    def replay(program: Program) -> Finding | None:
        verbs = [step.action.verb for lane in program.lanes for step in lane]
        settled = ("publish" in verbs) == ("ack" in verbs)
        return found if settled and "bad" in verbs else None

    program = Program((steps("publish", "a", "bad"), steps("b", "ack", "c")))
    shrinking = Shrinking(program, found, replay, lambda: True)
    shrinking.run()
    assert shrinking.program == Program(((Step(Action("bad", "x")),), ()))


def test_shrinking_stops_when_it_may_not_go_on() -> None:
    found = Finding("wrong", ())
    program = Program((steps(*("a" * 40)),))
    shrinking = Shrinking(program, found, lambda _: None, lambda: shrinking.tries < 3)
    shrinking.run()
    assert shrinking.tries == 3
    assert shrinking.program == program


def test_a_counter_example_shows_a_lane_for_each_client() -> None:
    calls = (
        Call(0, 0, Action("set", "x", ("a",)), 1, 4, result="v1"),
        Call(1, 1, GET, 2, None, Fate.UNKNOWN, said="cancelled"),
        Call(2, 1, GET, 5, 6),
        Call(3, 0, GET, 7, 8, Fate.NOT_DONE, said="UnavailableError"),
    )
    assert shown(Finding("why", calls, ("because",))).splitlines() == [
        "  client A |     [1-4] set x a → v1",
        "           |     [7-8] get x → UnavailableError (no effect)",
        "  client B |     [2-…] get x → cancelled",
        "           |     [5-6] get x → nothing",
        "  because",
    ]


class Unsure(Registers):
    def judge(self, calls: Sequence[Call]) -> Finding | None:
        raise Undecided("no answer after 1 state")


class UnsureContract(Contract):
    contract = "kv"

    @law("X-001", "What the checker cannot tell.", machine=True)
    def nobody_knows(self, lab: Lab) -> None:
        explore(lab, Unsure())


def test_what_the_checker_cannot_tell_is_not_tried_rather_than_held_or_broken() -> None:
    made = next(one for one in laws_of(UnsureContract) if one.id == "X-001")
    result = try_law(UnsureContract(), made, lambda: memory_world(MemoryKV))
    assert result.verdict is Verdict.NOT_TRIED
    assert result.reason == "undecided: no answer after 1 state"
