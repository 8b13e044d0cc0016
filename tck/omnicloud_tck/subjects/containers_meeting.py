"""Calls about one container, its volume and its network that meet on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    ContainerSpec,
    EventKind,
    Mount,
    RestartPolicy,
    RestartWhen,
    State,
)
from omnicloud.contracts.containers.driver import Events, Rest
from omnicloud.core.operation import Feature
from omnicloud_tck.programs.meetings import CANARY
from omnicloud_tck.programs.scenes import Call, Meeting, Pipe, Version

__all__ = ["containers_meetings"]

_F = ContainersFeature
_FIRST_SIGNAL = 128
_PAGES = 20
_LONG_ENOUGH = 26.0  # seconds after which one that fails at once is restarted seldom
_MB = 1 << 20
_UNTOLD = (EventKind.HEALTHY, EventKind.UNHEALTHY)
_SLEEPS = f"echo {CANARY}; sleep 100000"
_HEEDS = f"trap 'exit 0' TERM; echo {CANARY}; while true; do sleep 0.05; done"
"""The same for engines whose first program does not heed TERM unless it says so."""

Asking = Callable[[Containers, str, dict[str, Any]], Awaitable[object]]


def containers_meetings(*, virtual: bool) -> list[Meeting]:
    """What meets at what; where time is real, only what is short there, and sure."""
    made = _Meetings(_SLEEPS if virtual else _HEEDS, virtual=virtual)
    begins, calls = made.begins(), made.calls()
    return [
        Meeting(
            {state: begins[state]},
            {name: _asked(calls[name]) for name in names},
            made.look,
            needs=_NEEDS,
            reads=_READS,
        )
        for state, names in (_MEET if virtual else _MEET_SHORTLY).items()
    ]


class _Meetings:
    def __init__(self, script: str, *, virtual: bool) -> None:
        self._script, self._virtual = script, virtual

    def spec(self, pipe: Pipe, space: str, label: str, script: str | None = None) -> ContainerSpec:
        """A container that has all that the engine can give it."""
        features = pipe.driver.features
        wanted = ContainerSpec(
            name=f"{space}c",
            command=("sh", "-c", script or self._script),
            env={"TOKEN": CANARY},
            labels={"label": label},
        )
        if _F.VOLUMES in features:
            wanted = replace(wanted, mounts=(Mount(f"{space}v", "/data"),))
        if _F.NETWORKS in features:
            wanted = replace(wanted, networks=(f"{space}n",), host="host")
        if _F.CPU in features:
            wanted = replace(wanted, cpu=0.5)
        return wanted

    # What calls begin with.

    def begins(self) -> dict[str, Callable[[Pipe, str], Awaitable[dict[str, Any]]]]:
        """Each makes what it is called."""
        return {
            "nothing": self._nothing,
            "one that runs": self._running,
            "one that has ended": self._ended,
            "a paused one": self._paused,
            "one that waits for its restart": self._restarting,
        }

    async def _nothing(self, pipe: Pipe, space: str) -> dict[str, Any]:
        containers, features = Containers(pipe), pipe.driver.features
        if _F.VOLUMES in features:
            await containers.create_volume(f"{space}v")
        if _F.NETWORKS in features:
            await containers.create_network(f"{space}n")
        if not self._virtual or _F.EVENTS not in features:
            return {}
        return {"cursor": Version((await pipe.send(Events(""))).cursor)}

    async def _running(self, pipe: Pipe, space: str) -> dict[str, Any]:
        known = await self._nothing(pipe, space)
        made = await Containers(pipe).run(self.spec(pipe, space, "first"))
        return {**known, "id": Version(made.id)}

    async def _ended(self, pipe: Pipe, space: str) -> dict[str, Any]:
        known = await self._running(pipe, space)
        await Containers(pipe).stop(f"{space}c", grace=1)
        return known

    async def _paused(self, pipe: Pipe, space: str) -> dict[str, Any]:
        known = await self._running(pipe, space)
        if _F.PAUSE in pipe.driver.features:
            await Containers(pipe).pause(f"{space}c")
        return known

    async def _restarting(self, pipe: Pipe, space: str) -> dict[str, Any]:
        known = await self._nothing(pipe, space)
        always = RestartPolicy(RestartWhen.ALWAYS)
        wanted = self.spec(pipe, space, "first", f"echo {CANARY}; exit 1")
        made = await Containers(pipe).run(replace(wanted, restart=always))
        await pipe.send(Rest(f"{space}c", _LONG_ENOUGH))
        return {**known, "id": Version(made.id), "waits": True}

    # What meets.

    def calls(self) -> dict[str, Asking]:
        """By what they do."""
        return {
            "a run": self._run("second"),
            "another run": self._run("third"),
            "a start": _start,
            "a stop": _stop,
            "a pause": _pause,
            "an unpause": _unpause,
            "an update": _update,
            "another update": _update_more,
            "a removal": _remove,
            "a removal by force": _remove_by_force,
            "a list": _list,
            "a new volume": _create_volume,
            "a removal of the volume": _remove_volume,
            "a new network": _create_network,
            "a removal of the network": _remove_network,
        }

    def _run(self, label: str) -> Asking:
        async def call(containers: Containers, space: str, known: dict[str, Any]) -> object:
            return _plain(await containers.run(self.spec(containers.pipeline, space, label)))

        return call

    # What is left, and is taken away.

    async def look(self, pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        """All that is there; then it is removed."""
        containers, features, name = Containers(pipe), pipe.driver.features, f"{space}c"
        found = await containers.get(name)
        left: list[object] = [found and _plain(found), await _list(containers, space, known)]
        if found is not None and self._virtual:
            left.append([line.text async for line in containers.logs(name)])
        if "cursor" in known:
            left.append(await _told(pipe, space, known["cursor"].text))
        await containers.remove(name, force=True)
        if _F.VOLUMES in features:
            left.append(await containers.volumes(space))
            await containers.remove_volume(f"{space}v")
        if _F.NETWORKS in features:
            left.append(await containers.networks(space))
            await containers.remove_network(f"{space}n")
        return _shortened(left, space)


def _asked(ask: Asking) -> Call:
    async def call(pipe: Pipe, space: str, known: dict[str, Any]) -> object:
        return _shortened(await ask(Containers(pipe), space, known), space)

    return call


def _shortened(value: Any, space: str) -> Any:
    """Names without what only this meeting has."""
    match value:
        case str():
            return value.removeprefix(space)
        case list() | tuple():
            return [_shortened(one, space) for one in value]
    return value


def _plain(found: Container) -> object:
    """How it stands, but for times; which signal ended it is the race's."""
    code = found.exit_code
    limits = (found.resources.cpu, found.resources.memory_bytes)
    return [
        *(found.name, Version(found.id), found.state.value, found.restarts),
        "a signal" if code is not None and code > _FIRST_SIGNAL else code,
        [list(pair) for pair in sorted(found.labels.items())],
        limits if found.state is State.RUNNING else None,
    ]


async def _told(pipe: Pipe, space: str, cursor: str) -> list[str]:
    told: list[str] = []
    for _ in range(_PAGES):
        page = await pipe.send(Events(space, cursor))
        told += [event.kind.value for event in page.events if event.kind not in _UNTOLD]
        if page.cursor == cursor:
            break
        cursor = page.cursor
    return told


async def _start(containers: Containers, space: str, known: dict[str, Any]) -> object:
    if "waits" in known:  # nobody says whether it is started at once
        return None
    return _plain(await containers.start(f"{space}c"))


async def _stop(containers: Containers, space: str, known: dict[str, Any]) -> object:
    # How it stands by then is another's doing as well.
    return Version((await containers.stop(f"{space}c", grace=1)).id)


async def _pause(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return _plain(await containers.pause(f"{space}c"))


async def _unpause(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return _plain(await containers.unpause(f"{space}c"))


async def _update(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return (await containers.update(f"{space}c", cpu=0.25)).resources.cpu


async def _update_more(containers: Containers, space: str, known: dict[str, Any]) -> object:
    found = await containers.update(f"{space}c", memory_bytes=96 * _MB)
    return found.resources.memory_bytes


async def _remove(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return await containers.remove(f"{space}c")


async def _remove_by_force(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return await containers.remove(f"{space}c", force=True)


async def _list(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return [_plain(one) for one in await containers.list(space)]


async def _create_volume(containers: Containers, space: str, known: dict[str, Any]) -> object:
    await containers.create_volume(f"{space}v")
    return None


async def _remove_volume(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return await containers.remove_volume(f"{space}v")


async def _create_network(containers: Containers, space: str, known: dict[str, Any]) -> object:
    await containers.create_network(f"{space}n")
    return None


async def _remove_network(containers: Containers, space: str, known: dict[str, Any]) -> object:
    return await containers.remove_network(f"{space}n")


_READS = frozenset({"a list"})
_MEET = {
    "nothing": (
        *("a run", "another run", "a list", "a new volume", "a removal of the volume"),
        *("a new network", "a removal of the network"),
    ),
    "one that runs": (
        *("a run", "a start", "a stop", "a pause", "an update", "another update"),
        *("a removal", "a removal by force", "a list"),
    ),
    "one that has ended": (
        *("a run", "a start", "a removal", "a removal by force"),
        *("a removal of the volume", "a removal of the network"),
    ),
    "a paused one": ("a stop", "a pause", "an unpause", "a removal by force"),
    "one that waits for its restart": ("a stop", "a removal", "a removal by force"),
}
_MEET_SHORTLY = {
    "nothing": ("a run", "another run", "a removal by force", "a list"),
    "one that runs": ("a removal", "a removal by force", "a start", "a list"),
}
_NEEDS: dict[str, frozenset[Feature]] = {
    "a pause": frozenset({_F.PAUSE}),
    "an unpause": frozenset({_F.PAUSE}),
    "an update": frozenset({_F.CPU}),
    "another update": frozenset({_F.MEMORY}),
    "a new volume": frozenset({_F.VOLUMES}),
    "a removal of the volume": frozenset({_F.VOLUMES}),
    "a new network": frozenset({_F.NETWORKS}),
    "a removal of the network": frozenset({_F.NETWORKS}),
}
