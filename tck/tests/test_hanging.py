"""Nothing that a driver does keeps the kit from coming to an end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from memory_world import memory_world
from omnicloud.contracts.kv.driver import Get
from omnicloud.contracts.kv.models import Record
from omnicloud.memory.kv import MemoryKV
from omnicloud_tck import hanging
from omnicloud_tck.certify import NoWorld, Trial, certify_contract
from omnicloud_tck.hanging import in_threads
from omnicloud_tck.kv import KVContract
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.runner import Result, Verdict, given_up, try_law
from omnicloud_tck.telling import everything
from omnicloud_tck.world import World

LAWS = laws_of(KVContract)
LAW = next(law for law in LAWS if law.id == "KV-001")


class TakesNoCancellation(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)


class HoldsALock(MemoryKV):
    """A lock of threads over an await: whoever comes second blocks the loop for ever."""

    async def get(self, op: Get, /) -> Record | None:
        lock = threading.Lock()
        with lock:
            await asyncio.sleep(0)
            lock.acquire()
        return None


class Spins(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        while True:
            pass


class Sleeps(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        time.sleep(3600)  # noqa: ASYNC251 - that is what is wrong with it
        return None


class SpinsAnew(MemoryKV):
    """Begins to spin again when it is broken off."""

    async def get(self, op: Get, /) -> Record | None:
        try:
            while True:
                pass
        finally:
            time.sleep(3600)  # noqa: ASYNC251 - that is what is wrong with it


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Soon, and without the alarm that bounds this test."""
    monkeypatch.setattr(hanging, "STUCK_SECONDS", 1.5)
    monkeypatch.setattr(hanging, "_AGAIN_SECONDS", 2.0)
    monkeypatch.setattr(hanging, "_LOOK_SECONDS", 0.1)
    left, again = signal.setitimer(signal.ITIMER_REAL, 0)
    before = signal.signal(signal.SIGALRM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, left, again)


@pytest.mark.parametrize("driver", [TakesNoCancellation, HoldsALock, Spins, Sleeps, SpinsAnew])
def test_a_law_over_a_driver_that_hangs_is_broken(
    driver: type[MemoryKV], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = try_law(KVContract(), LAW, lambda: memory_world(driver))
    assert result.verdict is Verdict.BROKEN
    assert "not end" in result.reason
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    monkeypatch.setattr(hanging, "STUCK_SECONDS", 60.0)
    assert try_law(KVContract(), LAW, lambda: memory_world(MemoryKV)).verdict is Verdict.HELD


class Exits(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        raise SystemExit(0)


class RaisesWhatNobodyCatches(MemoryKV):
    async def get(self, op: Get, /) -> Record | None:
        raise BaseException("odd")


@pytest.mark.parametrize("driver", [Exits, RaisesWhatNobodyCatches])
def test_a_driver_that_ends_the_process_ends_its_law_alone(driver: type[MemoryKV]) -> None:
    assert try_law(KVContract(), LAW, lambda: memory_world(driver)).verdict is Verdict.BROKEN


def test_an_alarm_of_others_is_left_alone() -> None:
    signal.setitimer(signal.ITIMER_REAL, 60.0)
    try:
        assert try_law(KVContract(), LAW, lambda: memory_world(MemoryKV)).verdict is Verdict.HELD
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0.0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_a_trial_of_a_driver_that_hangs_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Few(KVContract):
        """Two laws of it."""

    few = tuple(law for law in LAWS if law.id in ("KV-001", "KV-003"))
    monkeypatch.setattr(Trial, "laws", few)
    report = certify_contract(Trial("kv", lambda: memory_world(HoldsALock), Few))
    assert {result.verdict for result in report.results} == {Verdict.BROKEN}


def test_a_world_that_hangs_is_told() -> None:
    class Never(World[Any]):
        async def driver(self, scoping: Any = None) -> Any:
            await asyncio.sleep(0)
            time.sleep(3600)  # noqa: ASYNC251 - that is what is wrong with it

    with pytest.raises(NoWorld, match="kv cannot be tried"):
        _ = Trial("kv", lambda: Never(lambda: MemoryKV(None))).declared  # type: ignore[arg-type]


def test_threads_that_stand_still_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hanging, "STUCK_SECONDS", 3.0)
    going_on = threading.Event()

    def try_one(made: Law) -> Result:
        if made in LAWS[:2]:
            going_on.wait(60.0)
        return Result(made, Verdict.HELD, "", 0.0, 0)

    try:
        results = {one.law: one.verdict for one in in_threads(LAWS[:6], 3, try_one, given_up)}
        assert hanging.left_standing()
    finally:
        going_on.set()
    broken = [law for law, verdict in results.items() if verdict is Verdict.BROKEN]
    assert sorted(law.id for law in broken) == sorted(law.id for law in LAWS[:2])
    assert len(results) == 6


def test_laws_that_cannot_begin_any_more_are_given_up() -> None:
    going_on = threading.Event()

    def try_one(made: Law) -> Result:
        going_on.wait(60.0)
        return Result(made, Verdict.HELD, "", 0.0, 0)

    try:
        results = list(in_threads(LAWS[:4], 2, try_one, given_up))
    finally:
        going_on.set()
    assert [one.verdict for one in results] == [Verdict.BROKEN] * 4


def test_errors_that_are_each_others_cause_are_told_once() -> None:
    one, two = ValueError("one"), KeyError("two")
    one.__cause__, two.__cause__ = two, one
    assert everything(one).count("ValueError('one')") == 1
