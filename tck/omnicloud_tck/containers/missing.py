"""The steps of a whole round while nothing is there: what each verb must answer then."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import Containers, ContainersFeature
from omnicloud.contracts.containers.driver import Logs, Sample
from omnicloud.errors import NotFoundError
from omnicloud_tck.check import equal, refused
from omnicloud_tck.containers.imaging import no_image
from omnicloud_tck.containers.rounds import Round

__all__ = ["ABSENT", "first_exec", "first_sample", "lists", "no_network", "no_volume"]

_F = ContainersFeature
_WAIT = 1.0


def _missing(ask: Any) -> Any:
    async def step(one: Round, client: Containers) -> None:
        with refused(NotFoundError, "a verb about what is not there"):
            await ask(client, one.name)
        await one.stands(client, "after it")

    return step


async def _none(one: Round, client: Containers) -> None:
    equal(None, await client.get(one.name), "get of none")
    equal(False, await client.remove(one.name), "remove of none")
    equal(False, await client.remove(one.name, force=True), "remove of none, by force")


async def no_volume(one: Round, client: Containers) -> None:
    equal(False, await client.remove_volume(one.name), "remove of no volume")
    if _F.VOLUMES in one.features:
        with refused(NotFoundError, "run without its volume"):
            await client.run(one.spec())


async def no_network(one: Round, client: Containers) -> None:
    equal(False, await client.remove_network(one.name), "remove of no network")


async def lists(one: Round, client: Containers) -> None:
    """Compare what is listed under the name, which is its own beginning."""
    under = [it for it in one.family if it.name.startswith(one.name)]
    await _nothing_under(one, client, one.name + "x")
    found = await client.list(one.name)
    equal(sorted(it.name for it in under if it.state), [it.name for it in found], "a list")
    for it in found:
        if it.name == one.name:
            one.like(it, "in a list")
    by_labels = await client.list(labels=one.labels)
    equal([one.name] if one.state else [], [it.name for it in by_labels], "a list by labels")
    if _F.VOLUMES in one.features:
        volumes = sorted(it.name for it in under if it.volume)
        equal(tuple(volumes), await client.volumes(one.name), "volumes")
    if _F.NETWORKS in one.features:
        networks = sorted(it.name for it in under if it.network)
        equal(tuple(networks), await client.networks(one.name), "networks")


async def _nothing_under(one: Round, client: Containers, prefix: str) -> None:
    equal((), await client.list(prefix), "a list under what is longer than a name")
    if _F.VOLUMES in one.features:
        equal((), await client.volumes(prefix), "volumes under what is longer than a name")
    if _F.NETWORKS in one.features:
        equal((), await client.networks(prefix), "networks under what is longer than a name")
    page = await one.page(client, prefix)
    if page is not None:
        equal((), page.events, "events under what is longer than a name")


async def first_exec(client: Containers, name: str) -> None:
    await client.exec(name, ("true",))


async def _first_lines(client: Containers, name: str) -> None:
    await client.pipeline.send(Logs(name))


async def first_sample(client: Containers, name: str) -> None:
    await client.pipeline.send(Sample(name))


ABSENT = (
    (None, _none),
    (None, _missing(lambda client, name: client.start(name))),
    (None, _missing(lambda client, name: client.stop(name, grace=_WAIT))),
    (None, _missing(lambda client, name: client.restart(name, grace=_WAIT))),
    (_F.PAUSE, _missing(lambda client, name: client.pause(name))),
    (_F.PAUSE, _missing(lambda client, name: client.unpause(name))),
    (_F.CPU, _missing(lambda client, name: client.update(name, cpu=0.5))),
    (None, _missing(lambda client, name: client.wait(name, timeout=_WAIT))),
    (_F.EXEC, _missing(first_exec)),
    (None, _missing(_first_lines)),
    (_F.STATS, _missing(first_sample)),
    (_F.VOLUMES, no_volume),
    (_F.NETWORKS, no_network),
    (_F.IMAGES, no_image),
    (None, lists),
)
