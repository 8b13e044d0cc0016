"""The tool that makes reference drivers odd at times: that it is odd then, and then only."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from omnicloud.contracts.kv.driver import Get, Set
from omnicloud.core.operation import Effect as Doing
from omnicloud.errors import ConflictError
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.store import MemoryStore
from quirk_effects import effects_of
from quirk_reach import DRIVERS, Reach, driver_of, methods_of, patched, triggers_of
from quirk_triggers import TRIGGERS, met
from quirks import drawn


class Odd(MemoryKV):
    """Its requests may be patched."""


def odd(effect: str, trigger: str) -> tuple[type[Odd], list[str]]:
    """A driver class whose ``set`` has an effect under a condition, and where it is told."""
    kind, told = type("Once", (Odd,), {}), list[str]()
    makes = effects_of(Set, Doing.IDEMPOTENT, ["key", "value"], [""])[effect]
    when = triggers_of(Set, methods_of(MemoryKV))[trigger]

    async def around(usual: Any, seen: Any) -> Any:
        if seen.method == "set" and when(seen):
            return await makes(usual, seen, lambda: told.append(seen.name))
        return await usual(seen.op)

    patched(kind, around)
    return kind, told


def test_every_contract_has_a_driver_with_requests() -> None:
    for contract in DRIVERS:
        assert len(methods_of(driver_of(contract))) >= 2, contract


def test_a_request_is_changed_under_the_condition_only() -> None:
    kind, told = odd("takes value stripped", "a text of 33 bytes or more")

    async def main() -> None:
        driver = kind(MemoryStore())
        for key in ("k", "k" * 33):
            await driver.set(Set(key, b"value "))
        short, long = [await driver.get(Get(key)) for key in ("k", "k" * 33)]
        assert short is not None
        assert long is not None
        assert (short.value, long.value) == (b"value ", b"value")

    asyncio.run(main())
    assert told == ["k" * 33]


def test_what_cannot_go_wrong_is_not_told_as_gone_wrong() -> None:
    kind, told = odd("takes value stripped", "always")

    async def main() -> None:
        await kind(MemoryStore()).set(Set("k", b"value"))

    asyncio.run(main())
    assert told == []


def test_a_refusal_comes_in_place_of_the_request() -> None:
    kind, told = odd("refuses: ConflictError", "the second call about a name")

    async def main() -> None:
        driver = kind(MemoryStore())
        await driver.set(Set("k", b"1"))
        with pytest.raises(ConflictError):
            await driver.set(Set("k", b"2"))
        found = await driver.get(Get("k"))
        assert found is not None
        assert found.value == b"1"

    asyncio.run(main())
    assert told == ["k"]


def test_conditions_tell_clients_order_and_time_apart() -> None:
    async def main() -> None:
        store = MemoryStore()
        first, second = MemoryKV(store), MemoryKV(store)
        met(first, "set", Set("k", b""))
        seen = met(second, "set", Set("k", b"\0"))
        assert TRIGGERS["the second client"](seen)
        assert TRIGGERS["a payload of zeros"](seen)
        assert TRIGGERS["the first call about a name"](seen)
        assert not TRIGGERS["10 s after the store began"](seen)
        assert not TRIGGERS["another client had the name last"](seen)

    asyncio.run(main())


def test_a_sample_is_drawn_alike_for_a_seed() -> None:
    reach = Reach(
        {"set": Counter({"always": 1, "a newline": 2})},
        {"set": Set},
        {"set": Doing.IDEMPOTENT},
        {"set": ["key"]},
        {"set": [""]},
    )
    first, second, other = (drawn("kv", reach, 5, seed) for seed in (1, 1, 2))
    assert first == second != other
