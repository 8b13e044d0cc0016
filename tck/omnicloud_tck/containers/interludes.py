"""What else is asked between two steps of a round: any verb, of which nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature, State
from omnicloud.contracts.containers.driver import Events, Logs, Rest, Sample
from omnicloud.core.operation import Feature
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError
from omnicloud_tck.containers.rounds import Round

__all__ = ["interludes"]

_F = ContainersFeature
_NONE, _ENDED = None, State.EXITED
_RUNS, _PAUSED = State.RUNNING, State.PAUSED
_ANY = (_NONE, _ENDED, _RUNS, _PAUSED)
"""Of what is asked then nothing is refused."""
_THERE = (_ENDED, _RUNS, _PAUSED)

Ask = Callable[[Containers, str], Awaitable[object]]


def interludes(features: frozenset[Feature]) -> list[Callable[[Round, Containers], Any]]:
    """Those of the verbs that the driver has."""
    asks = [
        (ask, states) for needs, states, ask in _OF_STATES if needs is None or needs in features
    ]
    found: list[Callable[[Round, Containers], Any]] = [_asked(*one) for one in asks]
    found += [_failed, _cancelled, _run]
    found += [_volume] if _F.VOLUMES in features else []
    found += [_network] if _F.NETWORKS in features else []
    return found


def _asked(ask: Ask, states: tuple[State | None, ...]) -> Callable[[Round, Containers], Any]:
    async def done(one: Round, client: Containers) -> None:
        refusals = () if states is _ANY else (NotFoundError, ConflictError)
        with suppress(*refusals):
            await (ask if one.state in states else _get)(client, one.name)

    return done


async def _failed(one: Round, client: Containers) -> None:
    with suppress(NotFoundError):
        await client.start("there is none of this name")


async def _cancelled(one: Round, client: Containers) -> None:
    call = asyncio.ensure_future(client.get(one.name))
    await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait((call,))


async def _run(one: Round, client: Containers) -> None:
    if one.state is not None:
        with suppress(AlreadyExistsError):
            await client.run(one.spec())


async def _volume(one: Round, client: Containers) -> None:
    """Make it again where it is, and remove it where it is not, or is in use."""
    if one.volume and one.turn % 2:
        await client.create_volume(one.name)
    elif not one.volume or one.state is not None:
        with suppress(ConflictError):
            await client.remove_volume(one.name)


async def _network(one: Round, client: Containers) -> None:
    if one.network and one.turn % 2:
        await client.create_network(one.name)
    elif not one.network or one.state in (_RUNS, _PAUSED):
        with suppress(ConflictError):
            await client.remove_network(one.name)


async def _get(client: Containers, name: str) -> object:
    return await client.get(name)


_OF_STATES: tuple[tuple[ContainersFeature | None, tuple[State | None, ...], Ask], ...] = (
    (None, _ANY, _get),
    (None, _ANY, lambda client, name: client.list(name)),
    (None, _ANY, lambda client, name: client.list()),
    (None, _THERE, lambda client, name: client.wait(name, timeout=0)),
    (None, _THERE, lambda client, name: client.pipeline.send(Logs(name))),
    (None, (_NONE, _RUNS), lambda client, name: client.start(name)),
    (None, (_NONE, _ENDED), lambda client, name: client.stop(name, grace=1)),
    (None, (_NONE,), lambda client, name: client.restart(name, grace=1)),
    (None, (_NONE, _RUNS, _PAUSED), lambda client, name: client.remove(name)),
    (None, (_NONE,), lambda client, name: client.remove(name, force=True)),
    (None, (_ENDED,), lambda client, name: client.pipeline.send(Rest(name, 9.0))),
    (_F.PAUSE, (_NONE, _ENDED, _PAUSED), lambda client, name: client.pause(name)),
    (_F.PAUSE, (_NONE, _ENDED, _RUNS), lambda client, name: client.unpause(name)),
    (_F.CPU, (_NONE, _ENDED), lambda client, name: client.update(name, cpu=0.5)),
    (_F.EXEC, (_NONE, _ENDED, _RUNS), lambda client, name: client.exec(name, ("true",))),
    (_F.STATS, (_NONE, _ENDED, _RUNS), lambda client, name: client.pipeline.send(Sample(name))),
    (_F.EVENTS, _ANY, lambda client, name: client.pipeline.send(Events(name))),
    (_F.EVENTS, _ANY, lambda client, name: client.pipeline.send(Events(""))),
    (_F.VOLUMES, _ANY, lambda client, name: client.volumes(name)),
    (_F.VOLUMES, _ANY, lambda client, name: client.volumes()),
    (_F.NETWORKS, _ANY, lambda client, name: client.networks(name)),
    (_F.NETWORKS, _ANY, lambda client, name: client.networks()),
    (_F.IMAGES, _ANY, lambda client, name: client.images()),
)
"""What is asked of one that is in one of these states."""
