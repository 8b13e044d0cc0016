"""A provider that declares too much, too little, or skips gains nothing by it."""

from __future__ import annotations

import platform
import unittest
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from certificate_samples import as_json, of_driver, tried
from omnicloud.contracts.kv.models import KVFeature
from omnicloud.core.operation import Feature
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.sagas import MemorySagas
from omnicloud_tck.certificates.verifying import problems_of
from omnicloud_tck.certify import Trial
from omnicloud_tck.law import Ability, Rung
from omnicloud_tck.reference import world
from omnicloud_tck.runner import Verdict
from omnicloud_tck.world import Backend, NotOffered, World


class Skipping(MemorySagas):
    """Skips, as its test would, whatever it is asked second."""

    def word(self) -> BaseException:
        return pytest.skip.Exception("not on my machine")

    async def update(self, op: Any, /) -> Any:
        raise self.word()


class SkippingAsUnittest(Skipping):
    def word(self) -> BaseException:
        return unittest.SkipTest("no")


class Excusing(Skipping):
    def word(self) -> BaseException:
        return NotOffered("it is Saturday")


class ExcusingWithAbility(Skipping):
    def word(self) -> BaseException:
        return NotOffered(Ability.OUTAGE)


@pytest.mark.parametrize("driver", [Skipping, SkippingAsUnittest, Excusing, ExcusingWithAbility])
def test_a_driver_that_skips_laws_from_inside_has_no_certificate(driver: Any) -> None:
    found = of_driver("sagas", driver)
    assert not found.certified
    assert list(problems_of(found)) == []


class Volatile(MemoryKV):
    """Declares what it has not: each client sees but its own store."""

    @property
    def features(self) -> frozenset[Feature]:
        return super().features | {KVFeature.DURABLE}


class LosesAll(Volatile):
    def __init__(self, store: Any, space: str) -> None:
        if store.__dict__.setdefault("_opened", False):
            store._tables.clear()
        store._opened = True
        super().__init__(store, space)


def test_what_is_declared_too_much_is_found() -> None:
    found = of_driver("kv", LosesAll).contracts["kv"]
    assert not found.certified
    durable = [law for law in found.laws if law.id == "G-042"]
    assert [law.result for law in durable] == [Verdict.BROKEN]


class Modest(MemoryKV):
    """Declares less than it can do, and so is tried on less."""

    @property
    def features(self) -> frozenset[Feature]:
        return frozenset()


def test_what_is_declared_too_little_is_not_certified_as_there() -> None:
    found = of_driver("kv", Modest).contracts["kv"]
    assert found.certified
    assert found.features == ()
    untried = [law for law in found.laws if law.needs]
    assert untried
    assert all(law.result is Verdict.NOT_APPLICABLE for law in untried)


def poor(
    contract: str, *, cannot_happen: dict[Ability, str] | None = None, backend: Any = None
) -> World[Any]:
    """The reference in a world that can neither restart nor fail."""
    rich = world(contract)
    return World(
        rich.driver,
        clock=rich.clock,
        virtual=True,
        cannot_happen=cannot_happen,
        backend=backend,
    )


@pytest.mark.parametrize("reason", [None, "there is no server"])
def test_what_a_world_cannot_do_lowers_the_rung_and_is_told(reason: str | None) -> None:
    excuse = {Ability.OUTAGE: reason} if reason else None
    found = tried(Trial("secrets", lambda: poor("secrets", cannot_happen=excuse)))
    entry = found.contracts["secrets"]
    assert (entry.certified, entry.rung) == (True, Rung.CONCURRENCY)
    assert "outage" in entry.capped_by
    (outage,) = [law for law in entry.laws if law.id == "G-041"]
    assert outage.result is Verdict.NOT_TRIED
    assert reason is None or reason in outage.reason
    assert list(problems_of(found)) == []


def test_a_world_that_breaks_while_it_hurts_is_a_broken_law() -> None:
    async def outage() -> AsyncIterator[None]:
        raise OSError("no permission")
        yield

    def broken() -> World[Any]:
        rich = world("secrets")
        return World(rich.driver, clock=rich.clock, virtual=True, outage=outage)

    entry = tried(Trial("secrets", broken)).contracts["secrets"]
    assert not entry.certified


class Chatty(MemorySagas):
    async def create(self, op: Any, /) -> Any:
        raise RuntimeError("cannot reach postgres://admin:hunter2@db.internal:5432/orders")


def test_a_native_errors_text_is_not_published() -> None:
    told = as_json(of_driver("sagas", Chatty))
    assert "hunter2" not in told
    assert "db.internal" not in told


def test_an_emulator_is_named() -> None:
    backend = Backend("S3", "2006-03-01", "moto 5.1")
    found = tried(Trial("secrets", lambda: poor("secrets", backend=backend)))
    told = found.contracts["secrets"].backend
    assert told is not None
    assert (told.name, told.version, told.emulator) == ("S3", "2006-03-01", "moto 5.1")


def test_with_what_it_was_tried_is_told_but_neither_host_nor_paths() -> None:
    found = of_driver("sagas", MemorySagas)
    assert found.versions.clients.keys() >= {"anyio", "pluggy"}
    assert found.seeds == (0,)
    assert "outage" in found.faults
    assert found.environment.cpu_count > 0
    told = as_json(found)
    assert str(Path.home()) not in told
    host = platform.node()
    assert len(host) < 5 or host not in told
