"""Random programs repeat by their seed, and tell a wrong driver by few steps."""

from __future__ import annotations

import pytest

from broken import programs_kv
from memory_world import memory_world
from omnicloud.memory.kv import FEATURES, MemoryKV
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.kv import KVContract
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.programs.cast import Manner
from omnicloud_tck.programs.drawing import calm, wild
from omnicloud_tck.programs.troubles import disturbed, met
from omnicloud_tck.runner import Verdict, try_law
from omnicloud_tck.subjects.kv_calls import KVCalls

MANNER = Manner(virtual=True, abilities=frozenset(), durable=False, largest=1 << 20)


def calls() -> KVCalls:
    return KVCalls(MemoryKV(MemoryStore()))


def law_of(id_: str) -> Law:
    return next(law for law in laws_of(KVContract) if law.id == id_)


@pytest.mark.parametrize("draw", [calm, wild, met, disturbed])
def test_a_seed_and_a_number_give_the_same_program(draw: object) -> None:
    assert callable(draw)
    first = [draw(calls(), 7, number, MANNER) for number in range(3)]
    assert first == [draw(calls(), 7, number, MANNER) for number in range(3)]
    assert first != [draw(calls(), 8, number, MANNER) for number in range(3)]


def test_programs_draw_every_verb_that_is_declared() -> None:
    kv = calls()
    drawn = {
        step[2][0]
        for number in range(60)
        for step in calm(kv, 0, number, MANNER).steps
        if step[0] == "do"
    }
    assert drawn == {*kv.single, *kv.whole}
    assert MemoryKV(MemoryStore()).features == FEATURES


def test_a_counter_example_is_short_and_says_how_it_repeats() -> None:
    made = law_of("KV-170")
    world = programs_kv.StopsAtMissing
    results = [try_law(KVContract(), made, lambda: memory_world(world), seed=3) for _ in range(2)]
    assert [result.verdict for result in results] == [Verdict.BROKEN] * 2
    assert "of seed 3; 2 steps" in results[0].reason
    assert results[0].reason == results[1].reason
