"""Usage out of a real Prometheus server, filled with samples of the last hours."""

from __future__ import annotations

import math
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from omnicloud.core.http import Bounds
from omnicloud.errors import InternalError, InvalidArgumentError, UnavailableError
from omnicloud.placement.sources import Queries, read_prometheus
from omnicloud_tck.servers import ServerProcess, free_port

STEP = 60
SLOTS = 60
QUERIES = Queries("used_cores", "used_bytes", "asked_cores", "asked_bytes", ("pod",))


def samples(now: float) -> str:
    """An hour of two workloads, one of them with a gap; a third asks for nothing."""
    first = int(now // STEP - SLOTS) * STEP
    lines = []
    for metric, value in (
        ("used_cores", 0.25),
        ("used_bytes", 1e9),
        ("asked_cores", 2),
        ("asked_bytes", 4e9),
    ):
        lines.append(f"# TYPE {metric} gauge")
        for pod in ("a", "b", "free"):
            if pod == "free" and metric.startswith("asked"):
                continue
            gap = range(20, 40) if pod == "b" and metric == "used_cores" else range(0)
            lines += [
                f'{metric}{{pod="{pod}"}} {value} {first + slot * STEP}'
                for slot in range(SLOTS + 1)
                if slot not in gap
            ]
    return "\n".join([*lines, "# EOF"]) + "\n"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def url() -> AsyncIterator[str]:
    server = ServerProcess(_command, _answers, within=30.0)
    try:
        await server.start()
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.remove()


def _command(port: int, folder: Path) -> Sequence[str]:
    program, tool = shutil.which("prometheus"), shutil.which("promtool")
    assert program is not None, "there is no Prometheus server: install the package prometheus"
    assert tool is not None
    told = folder / "samples.txt"
    told.write_text(samples(time.time()))
    blocks = [tool, "tsdb", "create-blocks-from", "openmetrics", str(told), str(folder / "data")]
    subprocess.run(blocks, check=True, capture_output=True, timeout=60)
    (folder / "prometheus.yml").write_text("")
    return (
        *(program, f"--config.file={folder / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"),
        *("--query.lookback-delta=59s", "--log.level=error"),
    )


async def _answers(port: int) -> None:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"http://127.0.0.1:{port}/-/ready") as answer:
                if answer.status != 200:
                    raise OSError("it is not ready")
        except aiohttp.ClientError as error:
            raise OSError("it cannot be reached") from error


@pytest.mark.asyncio(loop_scope="module")
async def test_usage_comes_with_its_gaps_and_without_those_that_ask_for_nothing(url: str) -> None:
    recording = await read_prometheus(url, keep=SLOTS * STEP, step=STEP, queries=QUERIES)
    cpu = recording.cpu.usage()
    assert cpu.names == ("a", "b")
    assert list(cpu.requests) == [2, 2]
    known = ~np.isnan(cpu.values)
    assert known[0].sum() >= SLOTS - 2
    assert 18 <= known[0].sum() - known[1].sum() <= 20
    assert set(cpu.values[known]) == {np.float32(0.25)}
    assert math.isclose(float(np.nanmax(recording.memory.usage().values)), 1e9, rel_tol=1e-6)
    assert not recording.troubles()


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_server_does_not_understand_is_told_in_its_words(url: str) -> None:
    wrong = Queries("used_cores", "used_bytes", "sum by (", "asked_bytes", ("pod",))
    with pytest.raises(InvalidArgumentError, match="parse error"):
        await read_prometheus(url, queries=wrong)
    nameless = Queries("used_cores", "used_bytes", "asked_cores", "asked_bytes", ("namespace",))
    with pytest.raises(InvalidArgumentError, match="no label namespace"):
        await read_prometheus(url, queries=nameless)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_that_is_another_or_away_is_told_as_that(url: str) -> None:
    with pytest.raises(InternalError):
        await read_prometheus(f"{url}/nowhere", queries=QUERIES)
    away = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnavailableError):
        await read_prometheus(away, queries=QUERIES, bounds=Bounds(timeout=2.0))
