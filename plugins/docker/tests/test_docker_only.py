"""What holds for a Docker Engine alone: strangers' containers, the kernel's limits, images."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from omnicloud.contracts.containers import (
    Containers,
    ContainersFeature,
    ContainerSpec,
    Port,
    Resources,
    State,
)
from omnicloud.core.disks import disk_below
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    AlreadyExistsError,
    ConfigurationError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from omnicloud_docker import offered
from omnicloud_docker.certify import the_daemon
from omnicloud_docker.client import EngineClient
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.containers import _disk, open_containers
from omnicloud_docker.daemon import IMAGE, Daemon
from omnicloud_docker.mapping import docker_name, nanoseconds
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import NoServerError, free_port

_MIB = 1 << 20
_IDLE = "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done"


@pytest.fixture
async def daemon() -> Daemon:
    found = the_daemon()
    await found.start()
    return found


@pytest.fixture
async def service(daemon: Daemon) -> AsyncIterator[tuple[str, Containers]]:
    name = f"only-{uuid.uuid4().hex[:8]}"
    config = DockerConfig(url=daemon.url, default_image=IMAGE, network="none")
    opened = Containers(Pipeline(await open_containers(config, Lone(service=name))))
    yield name, opened
    for one in await opened.list():
        await opened.remove(one.name, force=True)
    await opened.aclose()


@pytest.fixture
async def raw(daemon: Daemon) -> AsyncIterator[EngineClient]:
    client = EngineClient(DockerConfig(url=daemon.url))
    await client.meet()
    yield client
    await client.aclose()


def sh(name: str, script: str, **more: Any) -> ContainerSpec:
    return ContainerSpec(name=name, command=("sh", "-c", script), **more)


async def foreign(raw: EngineClient, name: str, **more: Any) -> str:
    body = {"Image": IMAGE, "Cmd": ["sh", "-c", _IDLE], **more}
    body["HostConfig"] = {"NetworkMode": "none"}
    made = await raw.ask("POST", "/containers/create", {"name": name}, body)
    await raw.ask("POST", f"/containers/{made['Id']}/start")
    return str(made["Id"])


async def test_containers_made_by_hand_are_neither_seen_nor_touched(
    service: tuple[str, Containers], raw: EngineClient
) -> None:
    name, containers = service
    plain = await foreign(raw, f"by-hand-{uuid.uuid4().hex}")
    # One that has the very name that ours would have, without our labels.
    taken = await foreign(raw, docker_name(name, "web"), Labels={"omnicloud.name": "web"})
    try:
        assert await containers.list() == ()
        assert await containers.get("web") is None
        assert await containers.remove("web", force=True) is False
        with pytest.raises(NotFoundError):
            await containers.stop("web", grace=0)
        with pytest.raises(AlreadyExistsError):
            await containers.run(sh("web", _IDLE))
        for id_ in (plain, taken):
            told = await raw.ask("GET", f"/containers/{id_}/json")
            assert told["State"]["Status"] == "running"
    finally:
        for id_ in (plain, taken):
            await raw.ask("DELETE", f"/containers/{id_}", {"force": "true"})


def kernel(daemon: Daemon, id_: str, controller: str, file: str) -> int:
    groups = Path("/sys/fs/cgroup") / controller
    (found,) = groups.glob(f"omnicloud-docker-*/{id_}/{file}")
    return int(found.read_text())


async def test_limits_told_are_the_kernel_s_also_after_an_update(
    service: tuple[str, Containers], daemon: Daemon
) -> None:
    _, containers = service
    made = await containers.run(sh("c", _IDLE, cpu=0.5, memory_bytes=64 * _MIB))
    for cpu, memory in ((0.5, 64 * _MIB), (0.2, 96 * _MIB)):
        told = await containers.update("c", cpu=cpu, memory_bytes=memory)
        assert (told.resources.cpu, told.resources.memory_bytes) == (cpu, memory)
        assert kernel(daemon, made.id, "cpu", "cpu.cfs_quota_us") == cpu * 100_000
        assert kernel(daemon, made.id, "memory", "memory.limit_in_bytes") == memory


_RATES: dict[str, Any] = {
    "read_bps": 1 << 20,
    "write_bps": 2 << 20,
    "read_iops": 30,
    "write_iops": 40,
}


def kernel_rates(daemon: Daemon, id_: str) -> dict[str, int]:
    groups = Path("/sys/fs/cgroup/blkio")
    (found,) = groups.glob(f"omnicloud-docker-*/{id_}")
    disk = disk_below(daemon.socket.parent)
    assert disk is not None
    told = {rate: (found / f"blkio.throttle.{rate}_device").read_text() for rate in _RATES}
    return {rate: int(line.removeprefix(f"{disk.number} ")) for rate, line in told.items()}


async def test_limits_of_reads_and_writes_are_the_kernel_s_and_stay_whatever_is_updated(
    service: tuple[str, Containers], daemon: Daemon, raw: EngineClient
) -> None:
    _, containers = service
    made = await containers.run(sh("c", _IDLE, cpu=0.5, **_RATES))
    assert kernel_rates(daemon, made.id) == _RATES
    await containers.update("c", cpu=0.2, memory_bytes=64 * _MIB)
    assert kernel_rates(daemon, made.id) == _RATES
    with pytest.raises(UnsupportedError, match="io_update"):
        await containers.update("c", cpu=0.3, write_bps=4 << 20)
    # Once an engine does it, so should the provider.
    disk = disk_below(daemon.socket.parent)
    assert disk is not None
    body = {"BlkioDeviceWriteBps": [{"Path": str(disk.path), "Rate": 4 << 20}]}
    await raw.ask("POST", f"/containers/{made.id}/update", body=body)
    assert kernel_rates(daemon, made.id) == _RATES
    found = await containers.restart("c", grace=5)
    assert found.resources == Resources(cpu=0.2, memory_bytes=64 * _MIB, **_RATES)
    assert kernel_rates(daemon, made.id) == _RATES


async def test_limits_of_reads_and_writes_are_not_declared_of_an_engine_whose_disk_is_unknown(
    daemon: Daemon,
) -> None:
    info = {"DockerRootDir": "/proc", "Warnings": None}
    assert ContainersFeature.IO not in features_of(DockerConfig(url=daemon.url), info)
    info["DockerRootDir"] = str(daemon.socket.parent)
    assert ContainersFeature.IO in features_of(DockerConfig(url=daemon.url), info)
    assert ContainersFeature.IO not in features_of(DockerConfig(url="https://far:2376"), info)
    told = DockerConfig(url="https://far:2376", io_device="/dev/sda")
    assert ContainersFeature.IO in features_of(told, info)
    warned = info | {"Warnings": ["WARNING: No blkio throttle.read_bps_device support"]}
    assert ContainersFeature.IO not in features_of(told, warned)
    with pytest.raises(ValueError, match="io_device"):
        DockerConfig(io_device="sda")


def features_of(config: DockerConfig, info: dict[str, Any]) -> frozenset[Feature]:
    return offered.features_of(info, _disk(config, info))


async def test_a_program_that_takes_more_memory_than_it_may_is_killed(
    service: tuple[str, Containers],
) -> None:
    _, containers = service
    hog = "tail -c 200000000 /dev/zero"  # tail keeps what it may have to say
    await containers.run(sh("c", f"exec {hog}", memory_bytes=16 * _MIB))
    assert (await containers.wait("c", timeout=30)).exit_code == 137


async def test_ports_of_a_container_on_no_network_are_refused_and_it_is_removed(
    service: tuple[str, Containers],
) -> None:
    _, containers = service
    with pytest.raises(InvalidArgumentError, match="publishes"):
        await containers.run(sh("c", _IDLE, ports=(Port(8080),)))
    assert await containers.list() == ()


async def test_a_port_that_a_program_of_the_machine_has_is_taken(
    service: tuple[str, Containers],
) -> None:
    _, containers = service
    await containers.create_network("n")
    try:
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = Port(8080, held.getsockname()[1])
            with pytest.raises(ConflictError, match="port"):
                await containers.run(sh("c", _IDLE, ports=(port,), networks=("n",)))
        assert await containers.list() == ()
    finally:
        await containers.remove_network("n")


async def test_an_image_is_saved_loaded_built_upon_and_kept_while_in_use(
    service: tuple[str, Containers], raw: EngineClient, tmp_path: Path
) -> None:
    _, containers = service
    saved = tmp_path / "saved.tar"
    async with raw.answer("GET", f"/images/{IMAGE}/get") as answer:
        saved.write_bytes(await answer.read())
    (loaded,) = await containers.load_images(saved)
    assert loaded.reference == IMAGE
    recipe = tmp_path / "recipe"
    recipe.mkdir()
    (recipe / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY note.txt /note.txt\n")
    (recipe / "note.txt").write_text("built\n")
    reference = f"built-{uuid.uuid4().hex}:1"
    built = await containers.build_image(reference, recipe)
    assert built.reference == reference
    await containers.run(ContainerSpec(name="c", command=("cat", "/note.txt"), image=reference))
    assert (await containers.wait("c", timeout=20)).exit_code == 0
    assert [line.text async for line in containers.logs("c")] == ["built"]
    with pytest.raises(ConflictError):
        await containers.remove_image(reference)
    await containers.remove("c")
    assert await containers.remove_image(reference)


async def test_a_recipe_that_fails_and_an_archive_that_is_none_are_refused(
    service: tuple[str, Containers], tmp_path: Path
) -> None:
    _, containers = service
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\nCOPY missing.txt /\n")
    with pytest.raises(InvalidArgumentError):
        await containers.build_image("fails:1", tmp_path)
    (tmp_path / "noise.tar").write_bytes(b"\x00noise" * 1000)
    with pytest.raises(InvalidArgumentError):
        await containers.import_image("noise:1", tmp_path / "noise.tar")
    assert not {"fails:1", "noise:1"} & {image.reference for image in await containers.images()}


async def test_an_image_comes_from_a_registry(
    service: tuple[str, Containers], raw: EngineClient, tmp_path: Path
) -> None:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.fail("there is no docker-registry: install it to try pulls")
    _, containers = service
    port = free_port()
    config = tmp_path / "config.yml"
    config.write_text(
        f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
        f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'data'}}}}}\n"
    )
    registry = subprocess.Popen(  # noqa: ASYNC220 - starts, does not wait
        [program, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        repository = f"127.0.0.1:{port}/tck"
        await _pushed(raw, repository)
        pulled = await containers.pull_image(f"{repository}:1")
        assert pulled.reference == f"{repository}:1"
        with pytest.raises(NotFoundError):
            await containers.pull_image(f"{repository}:2")
        await containers.remove_image(f"{repository}:1")
    finally:
        registry.terminate()
        registry.wait(10)
    with pytest.raises(UnavailableError):
        await containers.pull_image(f"{repository}:1")


async def _pushed(raw: EngineClient, repository: str) -> None:
    await raw.ask("POST", f"/images/{IMAGE}/tag", {"repo": repository, "tag": "1"})
    for _ in range(100):
        async with raw._session.post(
            f"http://docker/images/{repository}/push",
            params={"tag": "1"},
            headers={"X-Registry-Auth": "e30="},
        ) as answer:
            if b"errorDetail" not in await answer.read():
                break
        await asyncio.sleep(0.1)
    await raw.ask("DELETE", f"/images/{repository}:1")


async def test_an_engine_that_is_not_there_is_unavailable_and_nothing_was_done(
    tmp_path: Path,
) -> None:
    config = DockerConfig(url=f"unix://{tmp_path}/none.sock")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await open_containers(config, Lone())


async def test_an_engine_that_is_too_old_is_refused(tmp_path: Path) -> None:
    said = b'{"Version": "17.03", "ApiVersion": "1.27"}'

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        await writer.drain()
        writer.close()

    path = tmp_path / "old.sock"
    async with await asyncio.start_unix_server(old, path):
        with pytest.raises(ConfigurationError, match=r"1\.27"):
            await open_containers(DockerConfig(url=f"unix://{path}"), Lone())


async def test_what_answers_garbage_is_unavailable(tmp_path: Path) -> None:
    async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x00\x01 no http at all\r\n\r\n")
        writer.close()

    path = tmp_path / "noise.sock"
    async with await asyncio.start_unix_server(noise, path):
        with pytest.raises(UnavailableError):
            await open_containers(DockerConfig(url=f"unix://{path}"), Lone())


async def test_a_spec_without_an_image_needs_a_default(daemon: Daemon) -> None:
    driver = await open_containers(DockerConfig(url=daemon.url), Lone())
    bare = Containers(Pipeline(driver))
    with pytest.raises(InvalidArgumentError, match="image"):
        await bare.run(sh("c", "exit 0"))
    await bare.aclose()


async def test_a_stop_by_hand_outlasts_a_crash_of_the_engine(
    service: tuple[str, Containers], daemon: Daemon
) -> None:
    from omnicloud.contracts.containers import RestartPolicy, RestartWhen

    _, containers = service
    policy = RestartPolicy(RestartWhen.ALWAYS)
    await containers.run(sh("c", _IDLE, restart=policy))
    await containers.stop("c", grace=5)
    await daemon.restart()
    await asyncio.sleep(1.0)
    found = await containers.get("c")
    assert found is not None
    assert found.state is State.EXITED


def test_stamps_keep_their_nanoseconds() -> None:
    assert nanoseconds("1970-01-01T00:00:01.000000001Z") == 1_000_000_001
    assert nanoseconds("1970-01-01T00:00:01Z") == 1_000_000_000
    assert nanoseconds("1970-01-01T02:00:01.5+02:00") == 1_500_000_000


async def test_a_missing_program_of_the_server_fails_loudly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    missing = Daemon()
    with pytest.raises(NoServerError, match=r"docker\.io"):
        await missing.start()
    missing.remove()
