"""The steps of a whole round: what each verb must answer, and leave."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    EventKind,
    State,
)
from omnicloud.contracts.containers.driver import Events, Rest, Sample
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    DeadlineExceededError,
)
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.containers.bench import PATIENCE, sh
from omnicloud_tck.containers.imaging import make_image, remove_image
from omnicloud_tck.containers.missing import (
    first_exec,
    first_sample,
    lists,
    no_network,
    no_volume,
)
from omnicloud_tck.containers.rounds import KILLED, Round

__all__ = ["PRESENT"]

_F = ContainersFeature
_K = EventKind


async def _make_volume(one: Round, client: Containers) -> None:
    await client.create_volume(one.name)
    one.volume = True


async def _make_network(one: Round, client: Containers) -> None:
    await client.create_network(one.name)
    one.network = True


async def _run(one: Round, client: Containers) -> None:
    made = await client.run(one.spec())
    one.id = made.id
    others = [it.id for it in one.family if it is not one]
    that(made.id not in others, f"the id {made.id} is that of another container")
    one.begun(made, "run")
    await one.spoken(client)
    await one.stands(client, "after run")


async def _run_again(one: Round, client: Containers) -> None:
    with refused(AlreadyExistsError, "run of a name that is taken"):
        await client.run(one.spec())
    await one.stands(client, "after that")


async def _look(one: Round, client: Containers) -> None:
    await one.stands(client, "get")
    await one.said(client)


async def _exec(one: Round, client: Containers) -> None:
    done = await client.exec(one.name, sh('echo "$V"; echo no >&2; exit 3'))
    said = (3, f"{one.text}\n".encode(), b"no\n", False)
    equal(said, (done.exit_code, done.stdout, done.stderr, done.truncated), "exec")
    words = ("echo", one.text, *("a word",) * 105)
    done = await client.exec(one.name, words)
    equal((0, " ".join(words[1:]).encode() + b"\n"), (done.exit_code, done.stdout), "exec, words")


async def _exec_long(one: Round, client: Containers) -> None:
    with refused(DeadlineExceededError, "exec of what takes too long"):
        await client.exec(one.name, ("sleep", "3"), timeout=0.5)
    if one.world.virtual:
        done = await client.exec(one.name, sh("sleep 100; exit 5"), timeout=101)
        equal(5, done.exit_code, "exec of what takes long")


async def _write(one: Round, client: Containers) -> None:
    if not one.volume:
        return
    done = await client.exec(one.name, sh("echo kept > /data/f"))
    equal(0, done.exit_code, "a write into its volume")


async def _read(one: Round, client: Containers) -> None:
    if not one.volume:
        return
    done = await client.exec(one.name, ("cat", "/data/f"))
    equal((0, b"kept\n"), (done.exit_code, done.stdout), "what was written into its volume")


async def _sample(one: Round, client: Containers) -> None:
    used = await client.pipeline.send(Sample(one.name))
    clock = one.world.clock
    that(used.memory_bytes > 0, "it uses no memory")
    passed = clock.wall() - one.started_at + PATIENCE
    that(0 <= used.cpu_seconds <= 4 * passed, f"{used.cpu_seconds} s of work in {passed} s")
    that(abs(used.at - clock.wall()) < PATIENCE, "a measurement is stamped wrong")


async def _wait(one: Round, client: Containers) -> None:
    """A wait takes its time where there is no end, and none where there is."""
    clock = one.world.clock
    wait = one.wait if one.state is not State.EXITED else 100.0
    before = clock.monotonic()
    one.like(await client.pipeline.send(Rest(one.name, wait)), "wait")
    took = clock.monotonic() - before
    ends = one.state is State.EXITED
    least, most = (0.0, 0.0) if ends else (0.9 * wait, wait)
    that(least <= took < most + one.slack, f"a wait of {wait} s took {took} s")


async def _kept(one: Round, client: Containers) -> None:
    """What is in use is not removed."""
    with refused(ConflictError, "remove of what has not ended"):
        await client.remove(one.name)
    if _F.NETWORKS in one.features:
        with refused(ConflictError, "remove of a network that it is on"):
            await client.remove_network(one.name)
    await _volume_kept(one, client)
    await one.stands(client, "after that")


async def _volume_kept(one: Round, client: Containers) -> None:
    if _F.VOLUMES in one.features:
        with refused(ConflictError, "remove of a volume that it has"):
            await client.remove_volume(one.name)


def _update(**limits: Any) -> Any:
    async def step(one: Round, client: Containers) -> None:
        found = await client.update(one.name, **limits)
        one.limits |= limits
        one.told.append((_K.UPDATED, None))
        one.like(found, "update")
        await one.stands(client, "after update")

    return step


def _hold(verb: str, state: State, kind: EventKind) -> Any:
    async def step(one: Round, client: Containers) -> None:
        one.state = state
        one.told.append((kind, None))
        for _ in range(2):
            one.like(await getattr(client, verb)(one.name), verb)
        await one.stands(client, f"after {verb}")

    return step


async def _timed(one: Round, call: Awaitable[Container], about: str) -> Container:
    """See that what ends it takes its grace where it heeds no TERM, and no longer."""
    clock = one.world.clock
    before = clock.monotonic()
    found = await call
    took, grace = clock.monotonic() - before, one.grace if one.deaf else 0.0
    that(0.9 * grace <= took < grace + one.slack, f"{about} took {took} s, its grace is {grace} s")
    return found


async def _restart(one: Round, client: Containers) -> None:
    found = await _timed(one, client.restart(one.name, grace=one.grace), "restart")
    one.told.append((_K.EXITED, one.code_of_stop))
    one.begun(found, "restart")
    await one.spoken(client)
    await one.stands(client, "after restart")


async def _stop(one: Round, client: Containers) -> None:
    one.ended(await _timed(one, client.stop(one.name, grace=one.grace), "stop"), "stop")
    one.like(await client.stop(one.name, grace=one.grace), "stop of what has ended")
    await one.stands(client, "after stop")


def _rests(ask: Any) -> Any:
    async def step(one: Round, client: Containers) -> None:
        with refused(ConflictError, "a verb about what has ended"):
            await ask(client, one.name)
        await one.stands(client, "after it")

    return step


async def _start(one: Round, client: Containers) -> None:
    one.begun(await client.start(one.name), "start")
    one.like(await client.start(one.name), "start of what runs")
    await one.spoken(client)
    await one.stands(client, "after start")


async def _remove(one: Round, client: Containers) -> None:
    equal(True, await client.remove(one.name), "remove")
    one.gone()
    equal(False, await client.remove(one.name), "remove of what was removed")
    await one.stands(client, "after remove")


async def _remove_by_force(one: Round, client: Containers) -> None:
    equal(True, await client.remove(one.name, force=True), "remove by force")
    one.told.append((_K.EXITED, KILLED))
    one.gone()
    equal(False, await client.remove(one.name, force=True), "remove of what was removed")
    await one.stands(client, "after remove by force")


async def _remove_volume(one: Round, client: Containers) -> None:
    equal(True, await client.remove_volume(one.name), "remove of a volume")
    one.volume = False


async def _remove_network(one: Round, client: Containers) -> None:
    equal(True, await client.remove_network(one.name), "remove of a network")
    one.network = False


async def _heard(one: Round, client: Containers) -> None:
    await one.heard(client)


async def _from_now(one: Round, client: Containers) -> None:
    page = await client.pipeline.send(Events(one.name))
    equal((), page.events, "events from now on")


PRESENT = (
    (_F.VOLUMES, _make_volume),
    (_F.VOLUMES, _make_volume),
    (_F.NETWORKS, _make_network),
    (_F.NETWORKS, _make_network),
    (None, lists),
    (None, _run),
    (None, _look),
    (None, _run_again),
    (None, lists),
    (_F.IMAGES, make_image),
    (_F.EXEC, _exec),
    (_F.EXEC, _exec_long),
    (_F.EXEC, _write),
    (_F.STATS, _sample),
    (None, _wait),
    (None, _kept),
    (_F.CPU, _update(cpu=0.05)),
    (_F.MEMORY, _update(memory_bytes=5 << 30)),
    (_F.CPU, _update(cpu=0.25)),
    (_F.IMAGES, make_image),
    (_F.PAUSE, _hold("pause", State.PAUSED, _K.PAUSED)),
    (_F.PAUSE, _wait),
    (_F.PAUSE, _look),
    (_F.PAUSE, _kept),
    (_F.PAUSE, _hold("unpause", State.RUNNING, _K.UNPAUSED)),
    (None, _restart),
    (_F.EXEC, _read),
    (None, _look),
    (None, _stop),
    (None, _wait),
    (_F.PAUSE, _rests(lambda client, name: client.pause(name))),
    (_F.PAUSE, _rests(lambda client, name: client.unpause(name))),
    (_F.CPU, _rests(lambda client, name: client.update(name, cpu=0.5))),
    (_F.EXEC, _rests(first_exec)),
    (_F.STATS, _rests(first_sample)),
    (_F.VOLUMES, _volume_kept),
    (None, lists),
    (None, _start),
    (_F.EXEC, _read),
    (None, _look),
    (None, _stop),
    (_F.IMAGES, remove_image),
    (None, _remove),
    (None, _run),
    (_F.EXEC, _read),
    (None, _restart),
    (None, _look),
    (None, _stop),
    (None, _start),
    (None, _remove_by_force),
    (_F.EVENTS, _heard),
    (_F.EVENTS, _from_now),
    (_F.VOLUMES, _remove_volume),
    (_F.VOLUMES, no_volume),
    (_F.NETWORKS, _remove_network),
    (_F.NETWORKS, no_network),
    (None, lists),
)
