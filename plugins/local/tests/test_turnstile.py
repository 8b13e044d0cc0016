"""Processes that write to one folder have their turns, whatever the others do."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from omnicloud.contracts.kv import KV
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_local.config import LocalConfig
from omnicloud_local.kv import open_kv
from omnicloud_local.turnstile import Turnstile
from omnicloud_tck.served import Lone

_WRITER = """
import asyncio, sys, pathlib
from omnicloud.contracts.kv import KV
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.served import Lone
from omnicloud_local.config import LocalConfig
from omnicloud_local.kv import open_kv
root, name = pathlib.Path(sys.argv[1]), sys.argv[2]

async def one(kv):
    while True:
        async with kv.transaction() as tx:
            number = await tx.increment("commits")
            await tx.set(f"{number:06}", name)

async def main():
    driver = await open_kv(LocalConfig(path=root, durability="process"), Lone())
    kv = KV(Pipeline(driver), TEXT)
    await kv.increment("ready")
    while int(await kv.get("ready") or 0) < 4:
        await asyncio.sleep(0.01)
    await asyncio.gather(*(one(kv) for _ in range(4)))

asyncio.run(main())
"""

_HOLDER = """
import pathlib, sys, time
from omnicloud_local.turnstile import Turnstile
line = Turnstile(pathlib.Path(sys.argv[1]), 10.0)
line.enter()
print("in", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
async def test_of_four_busy_processes_each_has_its_share_and_none_waits_long(
    tmp_path: Path,
) -> None:
    opening = Lone()
    config = LocalConfig(path=tmp_path, durability="process")
    kv = KV(Pipeline(await open_kv(config, opening)), TEXT)
    names = "abcd"
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", _WRITER, str(tmp_path), name)
        for name in names
    ]
    async with asyncio.timeout(60):
        while (made := int(await kv.get("commits") or 0)) < 800:
            assert all(writer.returncode is None for writer in writers), made
            await asyncio.sleep(0.05)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        await writer.wait()
    keys = [f"{number:06}" for number in range(201, 801)]  # all had begun
    order = [str(name) for name in (await kv.get_many(keys)).values()]
    await opening.aclose()
    assert len(order) == 600
    shares = {name: order.count(name) / len(order) for name in names}
    # Equal shares are a quarter; how soon each asks again is up to the scheduler.
    assert min(shares.values()) >= 0.1, shares
    assert max(_longest_gap(order, name) for name in names) <= 120


def _longest_gap(order: list[str], name: str) -> int:
    """The most commits in a row of the others."""
    places = [-1, *(place for place, who in enumerate(order) if who == name), len(order)]
    return max(after - before - 1 for before, after in pairwise(places))


def test_who_has_just_had_its_turn_stands_behind_who_came_meanwhile(tmp_path: Path) -> None:
    first, second = (Turnstile(tmp_path / "db", 10.0) for _ in range(2))
    order: list[str] = []

    def wait() -> None:
        second.enter()
        order.append("second")
        second.leave()

    first.enter()
    waiting = threading.Thread(target=wait)
    waiting.start()
    _until_next_is_taken(tmp_path / "db")
    first.leave()
    first.enter()
    order.append("first")
    first.leave()
    waiting.join(10)
    assert order == ["second", "first"]
    first.close()
    second.close()


def test_a_turn_that_does_not_come_is_waited_for_so_long_and_let_pass_later(
    tmp_path: Path,
) -> None:
    first, second, third = (Turnstile(tmp_path / "db", 0.05) for _ in range(3))
    first.enter()
    with pytest.raises(UnavailableError) as refused:
        second.enter()
    assert refused.value.outcome is Outcome.NOT_DONE
    first.leave()
    patient = Turnstile(tmp_path / "db", 10.0)
    patient.enter()  # the second does not keep what it no longer waits for
    patient.leave()
    second.enter()
    with pytest.raises(UnavailableError):
        third.enter()
    second.leave()
    for line in (first, second, third, patient):
        line.close()


def test_one_that_gave_up_keeps_its_place_for_its_next_write(tmp_path: Path) -> None:
    first, second = Turnstile(tmp_path / "db", 0.05), Turnstile(tmp_path / "db", 0.05)
    first.enter()
    for _ in range(3):
        with pytest.raises(UnavailableError):
            second.enter()
    assert sum(one.name == "omnicloud-line" for one in threading.enumerate()) == 1
    first.leave()
    second.enter()
    second.leave()
    first.close()
    second.close()


def test_the_turn_of_a_killed_process_is_free(tmp_path: Path) -> None:
    code = [sys.executable, "-c", _HOLDER, str(tmp_path / "db")]
    with subprocess.Popen(code, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"in\n"
        line = Turnstile(tmp_path / "db", 0.05)
        with pytest.raises(UnavailableError):
            line.enter()
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    patient = Turnstile(tmp_path / "db", 10.0)
    patient.enter()
    patient.leave()
    patient.close()
    line.close()


async def test_a_piece_that_fails_is_undone_alone_also_among_others(tmp_path: Path) -> None:
    opening = Lone()
    driver = await open_kv(LocalConfig(path=tmp_path), opening)
    database = opening.shared[0]
    kv = KV(Pipeline(driver), TEXT)

    def fails(db: object) -> None:
        db.execute("DELETE FROM kv")  # type: ignore[attr-defined]  # a connection
        raise ValueError

    await kv.set("before", "kept")
    good = [kv.set(f"k{number}", "v") for number in range(20)]
    answers = await asyncio.gather(
        *good[:10], database.write(fails), *good[10:], return_exceptions=True
    )
    assert sum(isinstance(one, Exception) for one in answers) == 1
    assert len([key async for key in kv.scan("")]) == 21
    await opening.aclose()


def _until_next_is_taken(database: Path) -> None:
    import fcntl

    with database.with_name("db-next").open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(file, fcntl.LOCK_UN)
            threading.Event().wait(0.005)
