"""Events of an engine that keeps the last 256 of all: no hole is passed over in silence."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from omnicloud.contracts.containers import Containers, ContainerSpec, EventKind
from omnicloud.contracts.containers.driver import Events
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud_docker.certify import the_daemon
from omnicloud_docker.client import EngineClient
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.containers import open_containers
from omnicloud_docker.daemon import IMAGE, Daemon
from omnicloud_docker.places import KEPT, Place
from omnicloud_tck.served import Lone

_K = EventKind
_WHOLE = [_K.STARTED, _K.EXITED, _K.REMOVED]


@pytest.fixture
async def daemon() -> Daemon:
    found = the_daemon()
    await found.start()
    return found


@pytest.fixture
async def containers(daemon: Daemon) -> AsyncIterator[Containers]:
    name = f"events-{uuid.uuid4().hex[:8]}"
    config = DockerConfig(url=daemon.url, default_image=IMAGE, network="none")
    opened = Containers(Pipeline(await open_containers(config, Lone(service=name))))
    yield opened
    for one in await opened.list():
        await opened.remove(one.name, force=True)
    await opened.aclose()


@pytest.fixture
async def raw(daemon: Daemon) -> AsyncIterator[EngineClient]:
    client = EngineClient(DockerConfig(url=daemon.url))
    await client.meet()
    yield client
    await client.aclose()


async def noise(raw: EngineClient, count: int) -> None:
    """So many events of somebody else, of another kind than ours."""
    for _ in range(count):
        params = {"repo": "omnicloud-noise", "tag": "1"}
        await raw.ask("POST", f"/images/{IMAGE}/tag", params)


async def whole(containers: Containers, name: str) -> None:
    """Three events of ours."""
    await containers.run(ContainerSpec(name=name, command=("true",)))
    await containers.wait(name)
    await containers.remove(name)


async def begun(containers: Containers) -> str:
    return (await containers.pipeline.send(Events())).cursor


async def told(containers: Containers, cursor: str, count: int) -> tuple[list[EventKind], str]:
    """The kinds of the next events, at least so many unless nothing comes for long."""
    kinds: list[EventKind] = []
    for _ in range(10):
        page = await containers.pipeline.send(Events("", cursor, 1.0))
        kinds += [event.kind for event in page.events]
        cursor = page.cursor
        if len(kinds) >= count:
            break
    return kinds, cursor


async def test_a_watcher_who_was_away_for_more_than_the_engine_keeps_is_told(
    containers: Containers, raw: EngineClient
) -> None:
    await noise(raw, 1)
    cursor = await begun(containers)
    await whole(containers, "pushed-out")
    await noise(raw, KEPT)
    for wait in (0.0, 5.0):
        with pytest.raises(NotFoundError, match="not all kept"):
            await containers.pipeline.send(Events("", cursor, wait))
    anew = await begun(containers)
    await whole(containers, "anew")
    assert (await told(containers, anew, 3))[0] == _WHOLE


async def test_a_watcher_who_was_away_for_less_is_told_all(
    containers: Containers, raw: EngineClient
) -> None:
    await noise(raw, 1)
    cursor = await begun(containers)
    await whole(containers, "kept")
    await noise(raw, KEPT - 50)
    assert (await told(containers, cursor, 3))[0] == _WHOLE


async def test_a_watcher_goes_on_over_any_number_of_strangers_events(
    containers: Containers, raw: EngineClient
) -> None:
    cursor = await begun(containers)
    for _ in range(3):
        await noise(raw, KEPT - 50)
        kinds, cursor = await told(containers, cursor, 1)
        assert kinds == []
    await whole(containers, "late")
    assert (await told(containers, cursor, 3))[0] == _WHOLE


async def test_more_of_ours_than_the_engine_keeps_are_told_to_who_watches(
    containers: Containers,
) -> None:
    # Not pauses: where they follow each other at once, an engine tells some of them twice.
    cursor = await begun(containers)
    await containers.run(ContainerSpec(name="busy", command=("sleep", "600")))
    kinds, cursor = await told(containers, cursor, 1)
    for _ in range(3):
        for turn in range(100):
            await containers.update("busy", memory_bytes=(64 + turn) << 20)
        some, cursor = await told(containers, cursor, 100)
        kinds += some
    assert kinds == [_K.STARTED, *[_K.UPDATED] * 300]


async def test_a_restart_of_the_engine_is_told_to_who_watched_before(
    containers: Containers, daemon: Daemon, raw: EngineClient
) -> None:
    await noise(raw, 1)
    cursor = await begun(containers)
    await daemon.restart()
    with pytest.raises(NotFoundError):
        await containers.pipeline.send(Events("", cursor, 20.0))


async def test_a_watcher_of_an_engine_that_told_nothing_yet_is_told_what_comes(
    containers: Containers, daemon: Daemon, raw: EngineClient
) -> None:
    await daemon.restart()
    cursor = await begun(containers)
    assert not Place.of(cursor).is_known
    await whole(containers, "first")
    kinds, after = await told(containers, cursor, 3)
    assert kinds == _WHOLE
    assert Place.of(after).is_known
    await noise(raw, KEPT)
    with pytest.raises(NotFoundError):
        await containers.pipeline.send(Events("", cursor))


@pytest.mark.parametrize("cursor", ["", "7", "{}", "nothing", '["nothing"]'])
async def test_what_is_no_cursor_is_refused(containers: Containers, cursor: str) -> None:
    with pytest.raises(InvalidArgumentError):
        await containers.pipeline.send(Events("", cursor))
