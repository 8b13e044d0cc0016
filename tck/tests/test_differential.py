"""Differential execution finds wrong drivers, shows the fewest operations, and repeats itself."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from typing import Any

import pytest

import broken
from broken.registry import BROKEN
from memory_world import memory_world
from omnicloud.contracts.documents import DocumentsFeature
from omnicloud.contracts.sagas.models import SagaLimits
from omnicloud.core.operation import Feature
from omnicloud.errors import InvalidArgumentError
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.registry.discovery import Registry
from omnicloud_tck.certify import world_maker
from omnicloud_tck.differential.running import LENGTH, compare
from omnicloud_tck.differential.subjects import SUBJECTS
from omnicloud_tck.documents.samples import FILTERS, ROWS, SORTS
from omnicloud_tck.programs.cast import Cast, Manner, Step, Subject
from omnicloud_tck.programs.shrinking import shrunk
from omnicloud_tck.subjects.plain import meets, order_of
from omnicloud_tck.subjects.saga_draws import SAGAS_SUBJECT

for _module in pkgutil.iter_modules(broken.__path__):
    importlib.import_module(f"broken.{_module.name}")

OPERATIONS = 6000

WRONG = {
    "XKV05": 4,  # delete ignores the expected version
    "XKV30": 3,  # increment drops the ttl
    "VERB-KV-16": 3,  # set_many keeps the time to live that a key had
    "XCA12": 2,  # touch makes an empty entry where there is none
    "CA05": 3,  # reading prolongs the life
    "XOB10": 4,  # if_version of an old version overwrites
    "VERB-OB-02": 4,  # a copy over an existing target keeps the target's content type
    "SE20": 3,  # versions are listed oldest first
    "U-SE-09": 5,  # a later rotation prolongs the grace of versions that were ending
    "U-LK-02": 3,  # an owner that asks again has another token
    "U-MS-24": 6,  # a redriven message goes on counting its attempts
    "U-OX-02": 5,  # a requeued event keeps its attempts
}
"""Wrong drivers, each with the most operations that may be needed to show it."""


def cast_of(subject: Subject) -> Cast:
    """What draws a contract's programs for the reference."""

    async def opened() -> Cast:
        world = world_maker(Registry.discover().providers["memory"].provider, subject.contract)()
        return subject.cast(world, await world.driver())

    return asyncio.run(opened())


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_driver_is_shown_by_few_operations(name: str) -> None:
    wrong = BROKEN[name]
    subject = SUBJECTS[wrong.contract.contract]
    run = compare(name, subject, wrong.make_world, operations=OPERATIONS)
    assert run.differences, f"{wrong.summary}: not found"
    fewest = min(run.differences, key=lambda one: len(one.steps))
    assert fewest.repeats
    assert len(fewest.steps) <= WRONG[name], fewest.told(run)
    assert f"--list {fewest.number}" in fewest.told(run)
    assert not any("InvalidArgumentError" in one.said for one in run.differences)
    assert len(run.differences) <= 3


def test_a_seed_and_a_number_give_the_same_operations() -> None:
    manner = Manner(virtual=True, abilities=frozenset(), durable=False, largest=1 << 20)
    for subject in SUBJECTS.values():
        first, again, other = (
            [cast_of(subject).alone(seed, number, manner, LENGTH) for number in range(4)]
            for seed in (7, 7, 8)
        )
        assert first == again
        assert first != other


def test_one_list_of_a_seed_can_be_played_alone() -> None:
    wrong = BROKEN["XKV30"]
    first = compare("x", SUBJECTS["kv"], wrong.make_world, operations=OPERATIONS)
    number = first.differences[0].number
    again = compare("x", SUBJECTS["kv"], wrong.make_world, operations=OPERATIONS, only=number)
    assert again.operations == LENGTH
    assert [one.number for one in again.differences] == [number]


class Fewer(MemoryDocuments):
    """Declares no transactions, and keeps to it."""

    @property
    def features(self) -> frozenset[Feature]:
        return super().features - {DocumentsFeature.TRANSACTION}


def test_what_is_not_declared_is_to_be_refused_and_changes_nothing() -> None:
    run = compare("fewer", SUBJECTS["documents"], lambda: memory_world(Fewer), operations=1000)
    assert not run.differences
    assert set(run.refused) == {"transaction"}


@pytest.mark.parametrize(
    ("entries", "said", "right"),
    [
        (601, "history has 601, the limit history_max_entries is 600", True),
        (600, "history has 601, the limit history_max_entries is 600", False),
        (601, "history has 601, the limit history_max_entries is 500", False),
        (601, "history has 601, the limit history_max_things is 600", False),
        (601, "history is too long", False),
    ],
)
def test_a_refusal_is_right_where_it_names_a_declared_limit_that_is_exceeded(
    entries: int, said: str, right: bool
) -> None:
    step = ("create", 0, "s", "a", ("RUNNING", None, (("pay", "DONE"),) * entries, b"{}"))
    limits = SagaLimits(history_max_entries=600)
    over = SAGAS_SUBJECT.over(step, limits, InvalidArgumentError(said))
    assert (over == "history_max_entries") is right


async def test_a_list_is_made_as_small_as_its_failure_needs() -> None:
    steps: list[Step] = [("step", number) for number in range(50)]

    async def fails(some: list[Step]) -> str | None:
        left = {number for _, number in some}
        return f"{len(some)} operations" if {3, 17, 40} <= left else None

    found, why = await shrunk(steps, "all", fails, tries=300)
    assert found == [("step", 3), ("step", 17), ("step", 40)]
    assert why == "3 operations"


@pytest.mark.parametrize(("condition", "expected"), FILTERS)
def test_the_second_reading_of_filters_is_that_of_the_laws(
    condition: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert tuple(row["_id"] for row in ROWS if meets(row, condition)) == expected


def test_the_second_reading_of_orders_is_that_of_the_laws() -> None:
    for sort, expected in SORTS:
        keys = [sort] if isinstance(sort, str) else list(sort)
        pairs = [
            (key.lstrip("-"), -1 if key.startswith("-") else 1) if isinstance(key, str) else key
            for key in keys
        ]
        rows = sorted(ROWS, key=lambda row: str(row["_id"]))
        for path, way in reversed(pairs):
            rows.sort(key=lambda row, path=path: order_of(row, path), reverse=way < 0)
        assert tuple(row["_id"] for row in rows) == expected, sort


async def test_operations_are_made_as_simple_as_their_failure_allows() -> None:
    steps: list[Step] = [
        ("do", (0, 1), ("keep", b"long", 7)),
        ("both", (0, 1), ("use", 9, 2, 8, b"long", True), 9, ("get", b"long")),
    ]

    async def fails(some: list[Step]) -> str | None:
        return "wrong" if any(step[0] == "both" and step[2][1] == 9 for step in some) else None

    found, _ = await shrunk(steps, "wrong", fails, tries=300)
    assert found == [("both", (0, 1), ("use", 9, 2, 0, b"", True), 0, ("get", b""))]
