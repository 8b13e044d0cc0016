"""What is done about one name of containers, volumes and networks, with every verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    ContainersFeature,
    ContainerSpec,
    Mount,
)
from omnicloud.contracts.containers import attached as goods
from omnicloud.contracts.containers import driver as ops
from omnicloud.core.operation import Operation
from omnicloud.errors import NotFoundError, OmniCloudError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.containers.bench import PATIENCE, sh
from omnicloud_tck.general.echoes import Stay, Story

__all__ = ["story_of"]

_F = ContainersFeature
_IDLE = "echo ready; while true; do sleep 0.5; done"
_PAGES = 500
_WRITE = "cat /data/f; echo kept >> /data/f"

Step = Callable[[Stay], Awaitable[object]]
Make = Callable[[Stay], Operation[Any, Any]]


def _step(make: Make, name: str) -> Step:
    async def step(stay: Stay) -> object:
        op = make(stay)
        try:
            return _plain(stay, await stay.ask(op))
        except OmniCloudError as error:
            return type(error).__name__

    step.__name__ = name
    return step


def _plain(stay: Stay, answer: Any) -> object:
    """An answer without what an engine makes up."""
    match answer:
        case Container():
            own = stay.mind.setdefault("id", answer.id) == answer.id
            named = answer.name == stay.name
            labels, limits = dict(answer.labels), answer.resources
            return own, named, answer.state, answer.exit_code, answer.restarts, labels, limits
        case tuple():
            own = (one for one in answer if getattr(one, "name", one) != stay.also)
            return [_plain(stay, one) for one in own]
        case str():
            return answer == stay.name
    return answer


async def _from_now(stay: Stay) -> object:
    stay.mind["cursor"] = (await stay.ask(ops.Events())).cursor
    return None


async def _told(stay: Stay) -> object:
    """What was told since, of whatever name."""
    cursor, told = stay.mind["cursor"], []
    for _ in range(_PAGES):
        page = await stay.ask(ops.Events("", cursor, 1.0))
        told += [one for one in page.events if one.name != stay.also]
        if page.cursor == cursor:
            break
        cursor = page.cursor
    return [(one.name == stay.name, one.kind, one.exit_code) for one in told]


async def _lines(stay: Stay) -> object:
    """All that it said, by pages."""
    page = await stay.ask(ops.Logs(stay.name))
    said = list(page.lines)
    while page.lines:
        page = await stay.ask(ops.Logs(stay.name, page.cursor))
        said += page.lines
    return [line.text for line in said]


async def _ready(stay: Stay) -> object:
    """What a program says first, waited for."""
    page = await stay.ask(ops.Logs(stay.name))
    for _ in range(int(PATIENCE)):
        if page.lines:
            break
        page = await stay.ask(ops.Logs(stay.name, page.cursor, 1.0))
    return [line.text for line in page.lines]


async def _execs(stay: Stay) -> object:
    done = await stay.ask(ops.Exec(stay.name, sh(_WRITE), PATIENCE))
    return done.exit_code, done.stdout


async def _by_its_id(stay: Stay) -> object:
    """A name that is an id, or the beginning of one, is another name."""
    features = stay.room.pipe.driver.features
    for name in (stay.mind["id"], stay.mind["id"][:12]):
        equal(None, await stay.ask(ops.Inspect(name)), "what has an id for its name")
        for op in (ops.Logs(name), ops.Exec(name, ("true",)), ops.Start(name), ops.Stop(name, 0.0)):
            if op.needs() <= features:
                with refused(NotFoundError, f"{op.name} of an id"):
                    await stay.ask(op)
        equal(False, await stay.ask(ops.Remove(name, force=True)), "remove of an id")
    return None


def _spec(stay: Stay, script: str, features: frozenset[Any]) -> ContainerSpec:
    return ContainerSpec(
        name=stay.name,
        command=sh(script),
        labels={"app": "web"},
        mounts=(Mount(stay.name, "/data"),) if _F.VOLUMES in features else (),
        networks=(stay.name,) if _F.NETWORKS in features else (),
    )


def story_of(features: frozenset[Any], *, real: bool) -> Story:
    """A container's, on a volume and a network of its name; where time is real, a short one."""

    def run(stay: Stay) -> Operation[Any, Any]:
        return ops.Run(_spec(stay, "echo ready" if real else _IDLE, features))

    before: list[tuple[str, frozenset[Any], Make]] = [
        ("make a volume", frozenset({_F.VOLUMES}), lambda stay: goods.CreateVolume(stay.name)),
        ("make a network", frozenset({_F.NETWORKS}), lambda stay: goods.CreateNetwork(stay.name)),
        ("inspect none", frozenset(), lambda stay: ops.Inspect(stay.name)),
        ("run", frozenset(), run),
        ("run again", frozenset(), run),
    ]
    middle: list[tuple[str, frozenset[Any], Make]] = [
        ("inspect", frozenset(), lambda stay: ops.Inspect(stay.name)),
        ("find all", frozenset(), lambda stay: ops.Find()),
        ("find by labels", frozenset(), lambda stay: ops.Find(stay.name[:3], {"app": "web"})),
        ("list volumes", frozenset({_F.VOLUMES}), lambda stay: goods.ListVolumes()),
        ("list networks", frozenset({_F.NETWORKS}), lambda stay: goods.ListNetworks()),
        ("drop a volume", frozenset({_F.VOLUMES}), lambda stay: goods.RemoveVolume(stay.name)),
    ]
    lively: list[tuple[str, frozenset[Any], Make]] = [
        ("update", frozenset({_F.CPU}), lambda stay: ops.Update(stay.name, cpu=0.5)),
        ("pause", frozenset({_F.PAUSE}), lambda stay: ops.Pause(stay.name)),
        ("unpause", frozenset({_F.PAUSE}), lambda stay: ops.Unpause(stay.name)),
        ("drop a network", frozenset({_F.NETWORKS}), lambda stay: goods.RemoveNetwork(stay.name)),
        ("stop", frozenset(), lambda stay: ops.Stop(stay.name, 0.0)),
        ("start", frozenset(), lambda stay: ops.Start(stay.name)),
        ("restart", frozenset(), lambda stay: ops.Restart(stay.name, 0.0)),
        ("remove", frozenset(), lambda stay: ops.Remove(stay.name)),
    ]
    after: list[tuple[str, frozenset[Any], Make]] = [
        ("remove by force", frozenset(), lambda stay: ops.Remove(stay.name, force=True)),
        ("inspect the removed", frozenset(), lambda stay: ops.Inspect(stay.name)),
        ("drop a volume", frozenset({_F.VOLUMES}), lambda stay: goods.RemoveVolume(stay.name)),
        ("drop a network", frozenset({_F.NETWORKS}), lambda stay: goods.RemoveNetwork(stay.name)),
        ("find nothing", frozenset(), lambda stay: ops.Find()),
        ("list no volumes", frozenset({_F.VOLUMES}), lambda stay: goods.ListVolumes()),
        ("list no networks", frozenset({_F.NETWORKS}), lambda stay: goods.ListNetworks()),
    ]

    def steps(some: list[tuple[str, frozenset[Any], Make]]) -> list[Step]:
        return [_step(make, name) for name, needs, make in some if needs <= features]

    async def made(stay: Stay) -> object:
        """A container of that name, whose program may have ended by now."""
        found = await stay.ask(run(stay))
        stay.mind["id"] = found.id
        return found.name == stay.name, dict(found.labels)

    rest = _step(lambda stay: ops.Rest(stay.name, PATIENCE), "wait for the end")
    told = [_told] if _F.EVENTS in features else []
    commands = [_execs] if _F.EXEC in features and _F.VOLUMES in features else []
    return [
        *([_from_now] if told else []),
        *steps(before[:3]),
        *([made] if real else steps(before[3:4])),
        _ready,
        *([rest] if real else steps(before[4:])),
        *steps(middle),
        *([] if real else [*commands, *steps(lively), _lines, *commands]),
        _by_its_id,
        *steps(middle[:1]),
        *steps(after),
        *([] if real else told),
    ]
