"""Locks and caches of the embedded default between processes, of which some are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from omnicloud.contracts.cache import Cache
from omnicloud.contracts.locks import Locks
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud_local.cache import open_cache
from omnicloud_local.config import LocalConfig
from omnicloud_local.locks import open_locks
from omnicloud_tck.served import Lone

_HEAD = """
import asyncio, sys, pathlib
from omnicloud.contracts.cache import Cache
from omnicloud.contracts.locks import Locks
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud_local.cache import open_cache
from omnicloud_tck.served import Lone
from omnicloud_local.config import LocalConfig
from omnicloud_local.locks import open_locks
root = pathlib.Path(sys.argv[1])
config = LocalConfig(path=root, durability="process")

def note(name, text):
    with (root / name).open("a") as file:
        file.write(text + "\\n")
"""

_HOLDER = """
async def main():
    locks = Locks(Pipeline(await open_locks(config, Lone())))
    async with locks.get_lock("l", 1.5).held() as token:
        note("held", str(token))
        await asyncio.sleep(60)
"""

_COUNTER = """
async def main():
    locks = Locks(Pipeline(await open_locks(config, Lone())))
    lock = locks.get_lock("l", 30)
    for _ in range(20):
        assert await lock.acquire(wait=60)
        note("tokens", str(lock.token))
        count = root / "count"
        old = int(count.read_text()) if count.exists() else 0
        await asyncio.sleep(0.001)
        count.write_text(str(old + 1))
        await lock.release()
"""

_LOADER = """
async def load():
    note("loads", "load")
    await asyncio.sleep(0.5)
    return "loaded"

async def main():
    cache = Cache(Pipeline(await open_cache(config, Lone())), TEXT)
    note("values", await cache.get_or_load("k", load, 60))
"""


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def _process(root: Path, body: str) -> asyncio.subprocess.Process:
    code = f"{_HEAD}{body}\nasyncio.run(main())"
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(root))


@pytest.mark.slow
async def test_the_lock_of_a_killed_holder_is_free_after_its_ttl(tmp_path: Path) -> None:
    process = await _process(tmp_path, _HOLDER)
    until = time.monotonic() + 30
    while not _lines(tmp_path / "held"):
        assert time.monotonic() < until, "the lock was never held"
        await asyncio.sleep(0.02)
    opening = Lone()
    locks = Locks(Pipeline(await open_locks(LocalConfig(path=tmp_path), opening)))
    lock = locks.get_lock("l", 30)
    assert not await lock.acquire(wait=2.0)  # renewed beyond its time to live
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    killed = time.monotonic()
    assert not await lock.acquire()
    assert await lock.acquire(wait=10)
    assert time.monotonic() - killed < 1.5 + 10.0
    assert lock.token is not None
    assert lock.token > int(_lines(tmp_path / "held")[0])
    await opening.aclose()


@pytest.mark.slow
async def test_processes_that_count_under_a_lock_lose_no_count(tmp_path: Path) -> None:
    processes = [await _process(tmp_path, _COUNTER) for _ in range(3)]
    for process in processes:
        assert await process.wait() == 0
    assert (tmp_path / "count").read_text() == "60"
    tokens = [int(line) for line in _lines(tmp_path / "tokens")]
    assert len(tokens) == 60
    assert tokens == sorted(set(tokens))


@pytest.mark.slow
async def test_of_processes_that_miss_one_key_one_loads(tmp_path: Path) -> None:
    opening = Lone()
    cache = Cache(Pipeline(await open_cache(LocalConfig(path=tmp_path), opening)), TEXT)
    processes = [await _process(tmp_path, _LOADER) for _ in range(3)]
    for process in processes:
        assert await process.wait() == 0
    assert _lines(tmp_path / "loads") == ["load"]
    assert _lines(tmp_path / "values") == ["loaded"] * 3
    assert await cache.get("k") == "loaded"
    await opening.aclose()
