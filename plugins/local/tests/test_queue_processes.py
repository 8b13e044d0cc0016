"""Messages, events and sagas of the embedded default between processes that are killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from omnicloud.contracts.messaging import Messaging
from omnicloud.contracts.messaging.driver import Subscribe
from omnicloud.contracts.outbox import Outbox
from omnicloud.contracts.sagas import Saga, SagaEngine, SagaStates, SagaStatus, step
from omnicloud.contracts.sagas.execution import report
from omnicloud.core.pipeline import Pipeline
from omnicloud_local.config import LocalConfig
from omnicloud_local.messaging import open_messaging
from omnicloud_local.outbox import open_outbox
from omnicloud_local.sagas import open_sagas
from omnicloud_tck.served import Lone

_HEAD = """
import asyncio, sys, pathlib
from omnicloud.contracts.messaging import Messaging, ProcessingOutcome
from omnicloud.contracts.outbox import Outbox, OutboxEvent
from omnicloud.contracts.sagas import Saga, SagaEngine, SagaStates, step
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.served import Lone
from omnicloud_local.config import LocalConfig
from omnicloud_local.messaging import open_messaging
from omnicloud_local.outbox import open_outbox
from omnicloud_local.sagas import open_sagas
root = pathlib.Path(sys.argv[1])
config = LocalConfig(path=root, durability="process")

def note(name, text):
    with (root / name).open("a") as file:
        file.write(text + "\\n")
"""

_CONSUMER = """
async def handler(message):
    note("handled", message.payload.decode())
    await asyncio.sleep(0.002)
    return ProcessingOutcome.SUCCESS

async def main():
    messaging = Messaging(Pipeline(await open_messaging(config, Lone())))
    await messaging.consume("t", handler, concurrency=4, lease=1.0)
"""

_WRITER = """
async def main():
    outbox = Outbox(Pipeline(await open_outbox(config, Lone())))
    while True:
        event_id = await outbox.save_event(OutboxEvent("t", b"x", aggregate_key="a"))
        note("saved", event_id)
"""

_SAGAS = """
async def one(context):
    note("effects", context.idempotency_key)
    await asyncio.sleep(0.01)

async def two(context):
    note("effects", context.idempotency_key)
    await asyncio.sleep(0.01)

async def main():
    states = SagaStates(Pipeline(await open_sagas(config, Lone())))
    await SagaEngine(states, [Saga("s", [step(one), step(two)])], lease=1.0,
                     poll=0.05).resume_pending()
"""


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


async def _process(root: Path, body: str) -> asyncio.subprocess.Process:
    code = f"{_HEAD}{body}\nasyncio.run(main())"
    return await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(root))


async def _until(path: Path, count: int, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while len(set(_lines(path))) < count:
        assert time.monotonic() < until, f"{len(set(_lines(path)))} of {count}"
        await asyncio.sleep(0.02)


async def _kill(process: asyncio.subprocess.Process) -> None:
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()


@pytest.mark.slow
async def test_no_message_is_lost_when_consumers_are_killed(tmp_path: Path) -> None:
    opening = Lone()
    config = LocalConfig(path=tmp_path, durability="process")
    messaging = Messaging(Pipeline(await open_messaging(config, opening)))
    await messaging.pipeline.send(Subscribe("t", "default"))
    for number in range(300):
        await messaging.publish("t", b"%d" % number, key=f"k{number % 7}")
    for goal in (60, 150):
        process = await _process(tmp_path, _CONSUMER)
        await _until(tmp_path / "handled", goal)
        await _kill(process)
    process = await _process(tmp_path, _CONSUMER)
    await _until(tmp_path / "handled", 300)
    await asyncio.sleep(0.3)
    await _kill(process)
    handled = Counter(_lines(tmp_path / "handled"))
    assert set(handled) == {str(number) for number in range(300)}
    assert sum(handled.values()) <= 300 + 2 * 4  # what was in hand at each kill
    assert [letter async for letter in messaging.dead_letters("t")] == []
    await opening.aclose()


@pytest.mark.slow
async def test_killed_writers_leave_every_acknowledged_event_and_no_gap(tmp_path: Path) -> None:
    writers = [await _process(tmp_path, _WRITER) for _ in range(2)]
    await _until(tmp_path / "saved", 80)
    for process in writers:
        await _kill(process)
    opening = Lone()
    outbox = Outbox(Pipeline(await open_outbox(LocalConfig(path=tmp_path), opening)))
    events = await outbox.get_pending_events_for_aggregate("a")
    assert [event["sequence_id"] for event in events] == list(range(1, len(events) + 1))
    assert set(_lines(tmp_path / "saved")) <= {event["event_id"] for event in events}
    await opening.aclose()


@pytest.mark.slow
async def test_sagas_of_killed_workers_complete(tmp_path: Path) -> None:
    opening = Lone()
    config = LocalConfig(path=tmp_path, durability="process")
    states = SagaStates(Pipeline(await open_sagas(config, opening)))

    async def nothing(_: object) -> None: ...

    saga = Saga("s", [step(nothing, name="one"), step(nothing, name="two")])
    engine = SagaEngine(states, [saga])
    for number in range(40):
        await engine.start("s", {}, saga_id=f"{number}")
    first = await _process(tmp_path, _SAGAS)
    await _until(tmp_path / "effects", 20)
    await _kill(first)
    second = await _process(tmp_path, _SAGAS)
    await _until(tmp_path / "effects", 80)
    for _ in range(200):
        if not [1 async for _ in states.list("RUNNING")]:
            break
        await asyncio.sleep(0.05)
    await _kill(second)
    found = [report(state) async for state in states.list("COMPLETED")]
    assert len(found) == 40
    assert {one.status for one in found} == {SagaStatus.COMPLETED}
    await opening.aclose()
