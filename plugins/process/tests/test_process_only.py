"""What holds for processes alone: crashes of supervisors and clients, orphans, bounds."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    ContainerSpec,
    Resources,
    State,
)
from omnicloud.core.disks import disk_below
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import UnsupportedError
from omnicloud_process.config import ProcessConfig
from omnicloud_process.containers import open_containers
from omnicloud_process.supervise.cgroups import permitted
from omnicloud_process.supervise.segments import START, Reader, Writer
from omnicloud_tck.served import Lone

_IDLE = "echo ready; while true; do sleep 0.05; done"


@pytest.fixture
async def containers(tmp_path: Path) -> AsyncIterator[Containers]:
    config = ProcessConfig(path=tmp_path, log_bytes=4096, log_files=4)
    opened = Containers(Pipeline(await open_containers(config, Lone(service="tck"))))
    yield opened
    for one in await opened.list():
        await opened.remove(one.name, force=True)
    await opened.aclose()


def sh(name: str, script: str, **more: object) -> ContainerSpec:
    return ContainerSpec(name=name, command=("sh", "-c", script), **more)  # type: ignore[arg-type]  # by name


async def said(containers: Containers, name: str) -> list[str]:
    return [line.text async for line in containers.logs(name)]


async def line(containers: Containers, name: str, index: int = 0) -> str:
    for _ in range(500):
        if len(found := await said(containers, name)) > index:
            return found[index]
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} has not said line {index} within 10 s")


async def gone(pid: int) -> bool:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_killed_supervisor_takes_its_program_along_and_the_container_starts_again(
    containers: Containers,
) -> None:
    await containers.run(sh("c", "echo $$; while true; do sleep 0.05; done"))
    program = int(await line(containers, "c"))
    supervisor = psutil.Process(program).ppid()
    os.kill(supervisor, signal.SIGKILL)
    assert await gone(program)
    found = await containers.wait("c", timeout=5)
    assert (found.state, found.exit_code) == (State.EXITED, 137)
    assert (await containers.start("c")).state is State.RUNNING
    assert int(await line(containers, "c", 1)) != program


async def test_what_a_program_left_running_ends_with_it(containers: Containers) -> None:
    script = "setsid sh -c 'echo $$; exec sleep 300' & sleep 0.3; exit 5"
    await containers.run(sh("c", script))
    found = await containers.wait("c", timeout=10)
    assert found.exit_code == 5
    (orphan,) = await said(containers, "c")
    assert await gone(int(orphan))


async def test_a_stop_by_force_ends_those_who_left_the_session_too(containers: Containers) -> None:
    await containers.run(sh("c", "trap '' TERM; setsid sh -c 'echo $$; exec sleep 300' & wait"))
    orphan = int(await line(containers, "c"))
    await containers.stop("c", grace=0.2)
    assert await gone(orphan)


async def test_a_container_outlives_the_process_that_ran_it(
    containers: Containers, tmp_path: Path
) -> None:
    code = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from omnicloud.contracts.containers import Containers, ContainerSpec\n"
        "from omnicloud.core.pipeline import Pipeline\n"
        "from omnicloud_process.config import ProcessConfig\n"
        "from omnicloud_process.containers import open_containers\n"
        "from omnicloud_tck.served import Lone\n"
        "async def main():\n"
        "    config = ProcessConfig(path=Path(sys.argv[1]))\n"
        "    driver = await open_containers(config, Lone(service='tck'))\n"
        "    spec = ContainerSpec(name='c', command=('sh', '-c', sys.argv[2]))\n"
        "    await Containers(Pipeline(driver)).run(spec)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path), _IDLE]
    ended = await asyncio.to_thread(subprocess.run, command, timeout=30, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert await line(containers, "c") == "ready"
    found = await containers.get("c")
    assert found is not None
    assert (found.state, found.restarts) == (State.RUNNING, 0)


async def test_a_program_that_takes_more_memory_than_it_may_is_killed(
    containers: Containers,
) -> None:
    if not permitted():
        pytest.fail("limits by control groups version 1 cannot be tried here: root is needed")
    hog = "x = bytearray(1 << 20)\nwhile True: x += bytes(8 << 20)"
    spec = ContainerSpec(name="c", command=(sys.executable, "-c", hog), memory_bytes=48 << 20)
    await containers.run(spec)
    assert (await containers.wait("c", timeout=20)).exit_code == 137


async def limited_reads_and_writes(containers: Containers) -> None:
    declared = containers.pipeline.driver.features
    if ContainersFeature.IO not in declared:
        pytest.fail("limits of reads and writes cannot be tried: root and one disk are needed")


async def test_limits_of_reads_and_writes_are_the_kernel_s(
    containers: Containers, tmp_path: Path
) -> None:
    await limited_reads_and_writes(containers)
    rates = {"read_bps": 1 << 20, "write_bps": 2 << 20, "read_iops": 30, "write_iops": 40}
    made = await containers.run(sh("c", _IDLE, **rates))
    await containers.update("c", write_iops=50)
    disk = disk_below(tmp_path)
    assert disk is not None
    for rate, limit in (rates | {"write_iops": 50}).items():
        file = f"omnicloud-process/{made.id}/blkio.throttle.{rate}_device"
        assert Path("/sys/fs/cgroup/blkio", file).read_text() == f"{disk.number} {limit}\n"
    await containers.remove("c", force=True)
    assert not Path("/sys/fs/cgroup/blkio/omnicloud-process", made.id).exists()


async def test_a_program_that_waits_for_its_disk_is_killed_at_once(containers: Containers) -> None:
    await limited_reads_and_writes(containers)
    # Two megabytes in one write, which at this limit are let through after eight minutes.
    script = "echo ready; exec dd if=/dev/zero of=data bs=2097152 count=1 oflag=direct"
    await containers.run(sh("c", script, write_bps=4096))
    await line(containers, "c")
    program = await waiting_for_its_disk("bs=2097152")
    async with asyncio.timeout(100):
        await containers.stop("c", grace=0.2)
    assert await gone(program)


async def waiting_for_its_disk(argument: str) -> int:
    for _ in range(200):
        for one in psutil.process_iter(["cmdline", "status"]):
            found = argument in (one.info["cmdline"] or ())
            if found and one.info["status"] == psutil.STATUS_DISK_SLEEP:
                return one.pid
        await asyncio.sleep(0.05)
    raise AssertionError("no such program has come to wait for its disk within 10 s")


async def test_a_container_of_before_limits_of_reads_and_writes_goes_on_without(
    containers: Containers, tmp_path: Path
) -> None:
    await limited_reads_and_writes(containers)
    await containers.run(sh("c", _IDLE, cpu=0.5))
    await containers.stop("c")
    (kept,) = tmp_path.glob("*/containers/*/limits.json")
    old = {"cpu": 0.5, "memory_bytes": None, "enforced": True}
    kept.write_text(json.dumps(old))
    assert (await containers.start("c")).resources == Resources(cpu=0.5)
    with pytest.raises(UnsupportedError, match="reads and writes"):
        await containers.update("c", cpu=0.25, read_bps=1 << 20)
    found = await containers.update("c", memory_bytes=64 << 20)
    assert found.resources == Resources(cpu=0.5, memory_bytes=64 << 20)


async def test_a_client_with_many_open_files_runs_containers_too(containers: Containers) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2048), hard), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        await containers.run(sh("one", "echo here"))
        assert await line(containers, "one") == "here"
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_limits_they_are_not_declared_and_refused(tmp_path: Path) -> None:
    config = ProcessConfig(path=tmp_path, control_groups=False)
    bare = Containers(Pipeline(await open_containers(config, Lone(service="tck"))))
    with pytest.raises(UnsupportedError, match="cpu"):
        await bare.run(sh("c", "exit 0", cpu=1.0))
    with pytest.raises(UnsupportedError, match="io"):
        await bare.run(sh("c", "exit 0", read_iops=10))
    assert await bare.list() == ()
    await bare.aclose()


async def test_the_environment_of_the_client_is_not_passed_on(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN_OF_THE_CLIENT", "secret")
    await containers.run(ContainerSpec(name="c", command=("env",), env={"ONE": "1"}))
    await containers.wait("c", timeout=10)
    names = {each.partition("=")[0] for each in await said(containers, "c")}
    assert names == {"ONE", "PATH"}


async def test_a_last_line_without_an_end_is_told(containers: Containers) -> None:
    await containers.run(sh("c", "printf 'one\\ntwo'"))
    await containers.wait("c", timeout=10)
    assert await said(containers, "c") == ["one", "two"]


async def test_a_working_folder_that_is_not_there_is_told(containers: Containers) -> None:
    with pytest.raises(ValueError, match="working_dir"):
        await containers.run(sh("c", "exit 0", working_dir="/no/such/folder"))
    assert await containers.list() == ()


async def test_logs_keep_the_newest_files_and_no_more(containers: Containers) -> None:
    await containers.run(sh("c", "for i in $(seq 1 3000); do echo line-$i; done"))
    await containers.wait("c", timeout=20)
    kept = await said(containers, "c")
    assert kept == [f"line-{number}" for number in range(3001 - len(kept), 3001)]
    assert 200 < len(kept) < 1000


def test_a_reader_goes_on_where_it_was_when_files_are_begun_and_forgotten(tmp_path: Path) -> None:
    writer, reader = Writer(tmp_path, 200, 3), Reader(tmp_path)
    place, told = START, list[bytes]()
    for number in range(100):
        writer.append([("head", b"%d" % number)])
        records, place = reader.read(place, 10)
        told += [body for _, body in records]
    assert told == [b"%d" % number for number in range(100)]
    assert len(list(tmp_path.glob("*.log"))) == 3


def test_a_record_that_is_not_whole_is_left_for_later(tmp_path: Path) -> None:
    Writer(tmp_path, 1000, 3).append([("head", b"whole"), ("head", b"not yet whole")])
    (file,) = tmp_path.glob("*.log")
    written = file.read_bytes()
    for cut in range(len(written)):
        file.write_bytes(written[:cut])
        records, _ = Reader(tmp_path).read(START, 10)
        assert len(records) == (cut >= len(b"head 5\nwhole"))
