"""The checker explains what has an order, and nothing else."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from omnicloud_tck.histories.checker import Answer, Model, State, as_one, check
from omnicloud_tck.histories.events import Action, Call, Fate
from omnicloud_tck.histories.registers import REGISTER, register


def call(
    number: int,
    verb: str,
    begun: int,
    ended: int | None,
    result: str | bool | None = None,
    *args: str,
    key: str = "x",
    after: int | None = None,
    fate: Fate | None = None,
) -> Call:
    known = Fate.DONE if ended is not None else Fate.UNKNOWN
    action = Action(verb, key, args)
    return Call(number, number, action, begun, ended, fate or known, result, after)


def test_calls_one_after_another_are_explained_as_they_came() -> None:
    calls = [
        call(0, "set", 1, 2, "v1", "a"),
        call(1, "get", 3, 4, "a"),
        call(2, "delete", 5, 6, True),
        call(3, "get", 7, 8, None),
    ]
    assert check(calls, REGISTER).answer is Answer.EXPLAINED


def test_a_stale_read_is_unexplained_and_the_longest_order_is_told() -> None:
    calls = [
        call(0, "set", 1, 2, "v1", "old"),
        call(1, "set", 3, 4, "v2", "new"),
        call(2, "get", 5, 6, "old"),
    ]
    judgement = check(calls, REGISTER)
    assert judgement.answer is Answer.UNEXPLAINED
    assert [one.number for one in judgement.order] == [0, 1]
    assert [one.number for one in judgement.stuck] == [2]
    assert judgement.state == "new at version v2"


@pytest.mark.parametrize("seen", ["old", "new"])
def test_a_read_beside_a_write_may_see_either(seen: str) -> None:
    calls = [
        call(0, "set", 1, 2, "v1", "old"),
        call(1, "set", 3, 6, "v2", "new"),
        call(2, "get", 4, 5, seen),
    ]
    assert check(calls, REGISTER).answer is Answer.EXPLAINED


def test_two_reads_beside_a_write_may_not_see_it_come_and_go() -> None:
    calls = [
        call(0, "set", 1, 2, "v1", "old"),
        call(1, "set", 3, 8, "v2", "new"),
        call(2, "get", 4, 5, "new"),
        call(3, "get", 6, 7, "old"),
    ]
    assert check(calls, REGISTER).answer is Answer.UNEXPLAINED


@pytest.mark.parametrize("seen", [("old", "old"), ("old", "new"), ("new", "new")])
def test_a_write_of_unknown_fate_takes_effect_later_or_never(seen: tuple[str, str]) -> None:
    calls = [
        call(0, "set", 1, 2, "v1", "old"),
        call(1, "set", 3, None, None, "new"),
        call(2, "get", 5, 6, seen[0]),
        call(3, "get", 7, 8, seen[1]),
    ]
    assert check(calls, REGISTER).answer is Answer.EXPLAINED


def test_a_write_of_unknown_fate_takes_effect_only_once() -> None:
    calls = [
        call(0, "set", 1, None, None, "lost"),
        call(1, "get", 2, 3, "lost"),
        call(2, "set", 4, 5, "v2", "new"),
        call(3, "get", 6, 7, "lost"),
    ]
    assert check(calls, REGISTER).answer is Answer.UNEXPLAINED


def test_a_call_that_was_not_done_had_no_effect() -> None:
    calls = [
        call(0, "set", 1, 2, None, "refused", fate=Fate.NOT_DONE),
        call(1, "get", 3, 4, "refused"),
    ]
    assert check(calls, REGISTER).answer is Answer.UNEXPLAINED


def test_a_call_takes_effect_after_the_one_it_follows() -> None:
    early = [call(0, "set", 1, 9, "v1", "a"), call(1, "delete", 1, 9, True, after=0)]
    assert check([*early, call(2, "get", 10, 11, None)], REGISTER).answer is Answer.EXPLAINED
    assert check([*early, call(2, "get", 10, 11, "a")], REGISTER).answer is Answer.UNEXPLAINED


def test_keys_are_judged_apart() -> None:
    calls = [
        call(0, "set", 1, 2, "v1", "a", key="x"),
        call(1, "get", 3, 4, None, key="y"),
        call(2, "get", 5, 6, None, key="x"),
    ]
    judgement = check(calls, REGISTER)
    assert judgement.answer is Answer.UNEXPLAINED
    assert {one.action.key for one in judgement.calls} == {"x"}


def test_a_spent_budget_is_undecided_and_never_an_explanation() -> None:
    writes = [call(n, "set", 1, 100, f"v{n}", f"value {n}") for n in range(12)]
    wrong = call(12, "get", 101, 102, "no such value")
    assert check([*writes, wrong], REGISTER, budget=100).answer is Answer.UNDECIDED


def test_what_concerns_one_object_is_judged_as_one() -> None:
    calls = [call(0, "get", 1, 2, None, key="x"), call(1, "get", 3, 4, "a", key="y")]
    whole = Model(None, register, as_one)
    assert len(check(calls, whole).calls) == 2


def explained_by_hand(calls: Sequence[Call]) -> bool:
    """Whether some order explains the calls: all orders, with all sets of lost calls, are tried."""
    known = [one for one in calls if one.ended is not None]
    lost = [one for one in calls if one.ended is None]
    for size in range(len(lost) + 1):
        for some in itertools.combinations(lost, size):
            orders = itertools.permutations([*known, *some])
            if any(in_time(order) and answers(order) for order in orders):
                return True
    return False


def in_time(order: Sequence[Call]) -> bool:
    return not any(
        later.ended is not None and later.ended < earlier.begun
        for place, earlier in enumerate(order)
        for later in order[place + 1 :]
    )


def answers(order: Sequence[Call]) -> bool:
    states: set[State] = {None}
    for one in order:
        states = {after for state in states for after in register(state, one)}
    return bool(states)


def random_history(chance: random.Random) -> list[Call]:
    """Up to six calls with random spans and random, often wrong, answers."""
    calls: list[Call] = []
    for number in range(chance.randint(3, 6)):
        begun = chance.randint(1, 12)
        ended = begun + chance.randint(1, 8) if chance.random() < 0.8 else None
        verb = chance.choice(("get", "get", "set", "delete"))
        args = (chance.choice("ab"),) if verb == "set" else ()
        result: str | bool | None = f"v{number}" if verb == "set" else None
        if verb == "get":
            result = chance.choice(("a", "b", None))
        if verb == "delete":
            result = chance.random() < 0.5
        calls.append(call(number, verb, 2 * begun, ended and 2 * ended + 1, result, *args))
    return calls


@pytest.mark.parametrize("seed", range(10))
def test_the_checker_agrees_with_trying_all_orders(seed: int) -> None:
    chance = random.Random(seed)
    verdicts = set()
    for _ in range(40):
        calls = random_history(chance)
        found = check(calls, REGISTER).answer
        assert (found is Answer.EXPLAINED) == explained_by_hand(calls), calls
        verdicts.add(found)
    assert verdicts == {Answer.EXPLAINED, Answer.UNEXPLAINED}
