"""What only the embedded default can get wrong: a stepped clock, other processes, damaged rows."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from omnicloud.contracts.breaker import Breaker, CircuitState
from omnicloud.contracts.iam import IAM, Reason
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CircuitOpenError, CorruptedError
from omnicloud.testing.clock import FakeClock
from omnicloud_local.breaker import open_breaker
from omnicloud_local.config import LocalConfig
from omnicloud_local.iam import open_iam
from omnicloud_local.shared import DATABASE_FILE
from omnicloud_tck.served import Lone

RULE = {"effect": "Allow", "principal": "user:alice", "action": "kv:get", "resource": "doc/1"}

FAILING_PROCESS = """
import asyncio, os, signal, sys
from omnicloud.cloud import OmniCloud

async def fail():
    raise ConnectionError("down")

async def main():
    config = {"services": {"tck": {
        "contract": "breaker", "provider": "local", "path": sys.argv[1], "namespace": "n"}}}
    async with OmniCloud(config) as cloud:
        breaker = cloud.breaker("tck", 2, 60)
        for _ in range(2):
            try:
                await breaker.execute(fail)
            except ConnectionError:
                pass
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def failing() -> None:
    await asyncio.sleep(0)
    raise ConnectionError("down")


async def tripped(breaker: Breaker) -> None:
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await breaker.execute(failing)


async def test_a_clock_set_back_does_not_keep_a_circuit_open(tmp_path: Path) -> None:
    clock = FakeClock()
    opening = Lone(clock)
    driver = await open_breaker(LocalConfig(path=tmp_path), opening)
    breaker = Breaker(2, 10, pipeline=Pipeline(driver), clock=clock)
    await tripped(breaker)
    clock.step_wall(-86_400)
    with pytest.raises(CircuitOpenError):
        await breaker.execute(failing)
    assert (await breaker.read()).retry_after <= 10
    await opening.aclose()


async def test_a_circuit_that_a_killed_process_opened_is_open_for_others(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAILING_PROCESS, str(tmp_path)]
    await asyncio.to_thread(subprocess.run, command, check=False, timeout=30)
    opening = Lone()
    driver = await open_breaker(LocalConfig(path=tmp_path, namespace="n"), opening)
    breaker = Breaker(2, 60, name="tck", pipeline=Pipeline(driver))
    assert (await breaker.read()).state is CircuitState.OPEN
    with pytest.raises(CircuitOpenError):
        await breaker.execute(failing)
    await opening.aclose()


@pytest.mark.parametrize("damage", ["{", "[{}]", '[{"effect": "Allow"}]', "null", "5"])
async def test_rules_that_cannot_be_read_allow_nothing(tmp_path: Path, damage: str) -> None:
    opening = Lone()
    iam = IAM(pipeline=Pipeline(await open_iam(LocalConfig(path=tmp_path), opening)))
    await iam.replace([RULE])
    assert await iam.is_allowed("user:alice", "kv:get", "doc/1")
    await asyncio.to_thread(_damaged, tmp_path / DATABASE_FILE, damage)
    told = await iam.explain("user:alice", "kv:get", "doc/1")
    assert (told.allowed, told.reason) == (False, Reason.FAILED)
    with pytest.raises(CorruptedError, match="cannot be read"):
        await iam.policies()
    await iam.replace([RULE])
    assert await iam.is_allowed("user:alice", "kv:get", "doc/1")
    await opening.aclose()


def _damaged(path: Path, rules: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE ia_rules SET version = version + 1, rules = ?", (rules,))
    connection.close()
