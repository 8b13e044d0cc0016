"""The containers of one service or tenant: random steps, done on an engine and on a model."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainerSpec,
    EventKind,
    Mount,
    RestartPolicy,
    RestartWhen,
    State,
)
from omnicloud.contracts.containers.driver import Events
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError
from omnicloud_tck.check import equal, refused, that
from omnicloud_tck.containers.bench import sh
from omnicloud_tck.containers.lived import PARTS, Life
from omnicloud_tck.world import World

__all__ = ["Household"]

_NAMES = ("web", "web-2", "Web", "a/b", "a_b")
_HOSTS = {name: f"h{at}" for at, name in enumerate(_NAMES)}
_VOLUMES = ("data", "da/ta", "da_ta", "Data")
_NETWORKS = ("net", "net-2")
_LINES = ("x=1?y=2", "a  b", "ä", "v" * 5000)
_LABELS = (("app", "one"), ("App", "two"), ("zone", "eu"), ("zone", ""), ("flag", ""), ("a.B", "="))
_PATHS = ("/d", "/d/c")
_GRACES = (5.0, 12.0, 30.0)
_ALIVE = (State.RUNNING, State.PAUSED)
_TOLD = (EventKind.STARTED, EventKind.EXITED, EventKind.REMOVED)
_CLEAR = 0.3  # seconds around a moment within which nothing is compared
_MOMENTS = 200
_PAGES = 10_000
_AT_FIRST = 3
_RESTARTS = (
    RestartPolicy(),
    RestartPolicy(),
    RestartPolicy(RestartWhen.ON_FAILURE),
    RestartPolicy(RestartWhen.ON_FAILURE, most=2),
    RestartPolicy(RestartWhen.ALWAYS),
)


class Household:
    """What one service or tenant has, by two clients that come and go."""

    def __init__(
        self,
        world: World[Any],
        chance: random.Random,
        opened: Callable[[], Awaitable[Pipeline[Any]]],
    ) -> None:
        self._world = world
        self._chance = chance
        self._open = opened
        self._pipes: list[Pipeline[Any]] = []
        self._lives: dict[str, Life] = {}
        self._gone: dict[str, list[tuple[EventKind, int | None]]] = {}
        self._volumes: dict[str, str | None] = {}
        self._networks: set[str] = set()
        self._ids: set[str] = set()
        self._cursor = ""

    async def enter(self) -> None:
        """Open the clients, and begin to listen."""
        self._pipes = [await self._open() for _ in range(2)]
        self._cursor = (await self._pipes[0].send(Events(""))).cursor
        for name in self._chance.sample(_VOLUMES, 3):
            await self._client().create_volume(name)
            self._volumes[name] = None
        for name in self._chance.sample(_NETWORKS, self._chance.choice((1, 2))):
            await self._client().create_network(name)
            self._networks.add(name)
        for name in self._chance.sample(_NAMES, _AT_FIRST):
            await self._run(name)

    async def step(self, trail: list[str], whose: str) -> None:
        """Do something."""
        await self._come_clear()
        doing = self._chance.choice(_DOINGS)
        name = self._name(doing)
        trail.append(f"{doing.__name__.strip('_')} {name} of {whose}")
        await doing(self, name)

    def _name(self, doing: _Doing) -> str:
        """Mostly one that there is something to do with."""
        if doing is Household._run:
            names = [name for name in _NAMES if name not in self._lives]
        elif doing in (Household._restart, Household._stop):
            names = [name for name, one in self._lives.items() if one.state is not State.EXITED]
        elif doing in _ON_RUNNING:
            names = [name for name, one in self._lives.items() if one.state is State.RUNNING]
        else:
            names = list(self._lives)
        return self._chance.choice(names if names and self._chance.random() < 0.85 else _NAMES)

    async def look(self) -> None:
        """Compare what there is with what there should be."""
        await self._come_clear()
        wanted = dict(self._chance.sample(_LABELS, self._chance.choice((0, 0, 1, 2))))
        prefix = self._chance.choice(("", "", "w", "web", "a_"))
        found = await self._client().list(prefix, labels=wanted)
        lives = {
            name: life
            for name, life in sorted(self._lives.items())
            if name.startswith(prefix) and wanted.items() <= dict(life.spec.labels).items()
        }
        equal(list(lives), [one.name for one in found], f"those under {prefix!r} with {wanted}")
        for one, (name, life) in zip(found, lives.items(), strict=True):
            self._compare(one, life, f"{name} in a list")
            _spoil(one)
        await self._look_at(self._chance.choice(_NAMES))
        equal(tuple(sorted(self._volumes)), await self._client().volumes(), "volumes")
        equal(tuple(sorted(self._networks)), await self._client().networks(), "networks")

    async def leave(self) -> None:
        """Compare all that was said and told, and take everything away."""
        await self._come_clear()
        for name in list(self._lives):
            await self._look_at(name)
            await self._remove(name, force=True)
        for name in list(self._volumes):
            equal(True, await self._client().remove_volume(name), f"remove of volume {name}")
        for name in list(self._networks):
            equal(True, await self._client().remove_network(name), f"remove of network {name}")
        await self._world.sleep(200.0)
        equal((), await self._client().list(), "what is there after all was removed")
        await self._compare_events()

    def _client(self) -> Containers:
        return Containers(self._chance.choice(self._pipes), self._world.clock)

    async def _come_clear(self) -> None:
        """Come to a moment at which nothing is just about to happen, and let the model follow."""
        clock = self._world.clock
        for _ in range(_MOMENTS):
            now = clock.monotonic()
            for life in self._lives.values():
                life.advance(now - _CLEAR)
            dues = [life.due for life in self._lives.values() if life.due is not None]
            near = [due for due in dues if due <= now + _CLEAR]
            if not near:
                return
            await self._world.sleep(max(near) + 2 * _CLEAR - now)

    def _compare(self, found: Container, life: Life, about: str) -> None:
        equal(
            (life.id, life.state, life.exit_code, life.restarts, dict(life.spec.labels)),
            (found.id, found.state, found.exit_code, found.restarts, dict(found.labels)),
            about,
        )
        clock = self._world.clock
        began = clock.wall() - clock.monotonic() + life.began
        that(abs(found.started_at - began) < _CLEAR, f"{about}: {found.started_at - began} s off")

    async def _look_at(self, name: str) -> None:
        found, life = await self._client().get(name), self._lives.get(name)
        equal(life is None, found is None, f"whether there is no {name}")
        if found is not None and life is not None:
            self._compare(found, life, name)
            _spoil(found)
            told = [line.text async for line in self._client().logs(name)]
            equal(life.said, told, f"what {name} said")

    async def _compare_events(self) -> None:
        told: dict[str, list[tuple[EventKind, int | None]]] = {}
        cursor = self._cursor
        for _ in range(_PAGES):
            page = await self._pipes[0].send(Events("", cursor, 1.0))
            if page.cursor == cursor:  # else an empty page was about others
                break
            for event in page.events:
                if event.kind in _TOLD:
                    told.setdefault(event.name, []).append((event.kind, event.exit_code))
            cursor = page.cursor
        for name in _NAMES:
            equal(self._gone.get(name, []), told.get(name, []), f"what was told of {name}")

    # What may be done.

    async def _run(self, name: str) -> None:
        part, line = self._chance.choice(PARTS), self._chance.choice(_LINES)
        networks = tuple(one for one in _NETWORKS if self._chance.random() < 0.5)
        volumes = self._chance.sample(_VOLUMES, self._chance.choice((0, 1, 2, 2)))
        wanted = ContainerSpec(
            name=name,
            command=sh(f'echo "$V"; {part.script}'),
            env={"V": line, "W": "no"},
            labels=dict(self._chance.sample(_LABELS, self._chance.choice((0, 1, 2, 3)))),
            restart=self._chance.choice(_RESTARTS),
            mounts=tuple(
                Mount(volume, path, self._chance.random() < 0.3)
                for volume, path in zip(volumes, _PATHS, strict=False)
            ),
            networks=networks,
            host=_HOSTS[name] if networks else None,
        )
        if name in self._lives:
            with refused(AlreadyExistsError, f"run of {name}, which is there"):
                await self._client().run(wanted)
        elif not self._networks.issuperset(networks) or not set(volumes) <= self._volumes.keys():
            with refused(NotFoundError, f"run of {name}, for which something is missing"):
                await self._client().run(wanted)
        else:
            await self._made(wanted, Life(wanted, part, line))

    async def _made(self, wanted: ContainerSpec, life: Life) -> None:
        now = self._world.clock.monotonic()
        env, labels = dict(wanted.env), dict(wanted.labels)
        made = await self._client().run(replace(wanted, env=env, labels=labels))
        env["V"] = labels["spoilt"] = "by the caller"
        that(made.id not in self._ids, f"the id {made.id} is that of another container")
        self._ids.add(made.id)
        life.id = made.id
        self._lives[wanted.name] = life
        life.start(now)

    async def _start(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or (
            life.state is State.EXITED and not self._networks.issuperset(life.spec.networks)
        ):
            with refused(NotFoundError, f"start of {name}"):
                await self._client().start(name)
        elif life.state is not State.RESTARTING:
            now, runs = self._world.clock.monotonic(), life.state in _ALIVE
            found = await self._client().start(name)
            if not runs:
                life.start(now)
            self._compare(found, life, f"{name}, started")

    async def _stop(self, name: str) -> None:
        grace, life = self._chance.choice(_GRACES), self._lives.get(name)
        if life is None:
            with refused(NotFoundError, f"stop of {name}, which is not there"):
                await self._client().stop(name, grace=grace)
            return
        before = self._world.clock.monotonic()
        found = await self._client().stop(name, grace=grace)
        took = self._world.clock.monotonic() - before
        likely = min(grace, life.part.heeds) if life.state in _ALIVE else 0.0
        that(took < likely + _CLEAR, f"stop of {name} took {took} s")
        life.stop(grace)
        self._compare(found, life, f"{name}, stopped with a grace of {grace} s")

    async def _restart(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None:
            with refused(NotFoundError, f"restart of {name}, which is not there"):
                await self._client().restart(name, grace=5)
        elif self._networks.issuperset(life.spec.networks):
            found = await self._client().restart(name, grace=5)
            life.stop(5)
            life.start(self._world.clock.monotonic())
            self._compare(found, life, f"{name}, restarted")

    async def _remove(self, name: str, *, force: bool | None = None) -> None:
        force = self._chance.random() < 0.5 if force is None else force
        life = self._lives.get(name)
        if life is not None and life.state is not State.EXITED and not force:
            with refused(ConflictError, f"remove of {name}, which has not ended"):
                await self._client().remove(name)
            return
        removed = await self._client().remove(name, force=force)
        equal(life is not None, removed, f"whether there was {name} to remove")
        if life is not None:
            life.remove()
            self._gone.setdefault(name, []).extend(life.told)
            del self._lives[name]

    async def _pause(self, name: str) -> None:
        life = self._lives.get(name)
        verb = self._chance.choice(("pause", "pause", "unpause"))
        if life is None or life.state not in _ALIVE:
            error = NotFoundError if life is None else ConflictError
            with refused(error, f"{verb} of {name}"):
                await getattr(self._client(), verb)(name)
        elif life.due is None:
            life.state = State.PAUSED if verb == "pause" else State.RUNNING
            found = await getattr(self._client(), verb)(name)
            equal(life.state, found.state, f"{name} after {verb}")

    async def _write(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING or not life.spec.mounts:
            await self._refused_exec(name, life)
            return
        mount = self._chance.choice(life.spec.mounts)
        text = str(self._chance.randrange(10**6))
        script = f"echo {text} > {mount.path}/f"
        done = await self._client().exec(name, sh(script))
        equal(mount.read_only, done.exit_code != 0, f"whether {name} may not write {mount}")
        if not mount.read_only:
            self._volumes[mount.volume] = text

    async def _read(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING or not life.spec.mounts:
            await self._refused_exec(name, life)
            return
        for mount in life.spec.mounts:
            done = await self._client().exec(name, ("cat", f"{mount.path}/f"))
            held = self._volumes[mount.volume]
            expected = b"" if held is None else f"{held}\n".encode()
            equal(expected, done.stdout, f"what {name} reads in {mount}")
            equal(held is None, done.exit_code != 0, f"whether {name} finds nothing in {mount}")

    async def _refused_exec(self, name: str, life: Life | None) -> None:
        if life is None or life.state in (State.EXITED, State.RESTARTING):
            with refused(NotFoundError if life is None else ConflictError, f"exec in {name}"):
                await self._client().exec(name, sh("exit 0"))

    async def _fetch(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or life.state is not State.RUNNING:
            await self._refused_exec(name, life)
            return
        other = self._chance.choice(_NAMES)
        there = self._lives.get(other)
        url = f"http://{_HOSTS[other]}:8080/said"
        done = await self._client().exec(name, ("wget", "-q", "-O", "-", url), timeout=3)
        meets = (
            there is not None
            and there.state is State.RUNNING
            and there.part.serves
            and bool({*there.spec.networks} & {*life.spec.networks})
        )
        equal(b"hi\n" if meets else b"", done.stdout, f"what {name} hears from {other}")

    async def _volume(self, _: str) -> None:
        name = self._chance.choice(_VOLUMES)
        if self._chance.random() < 0.7:
            await self._client().create_volume(name)
            self._volumes.setdefault(name, None)
        elif any(name == one.volume for life in self._lives.values() for one in life.spec.mounts):
            with refused(ConflictError, f"remove of volume {name}, which a container has"):
                await self._client().remove_volume(name)
        else:
            there = name in self._volumes
            equal(there, await self._client().remove_volume(name), f"remove of volume {name}")
            self._volumes.pop(name, None)

    async def _network(self, _: str) -> None:
        name = self._chance.choice(_NETWORKS)
        on_it = [life for life in self._lives.values() if name in life.spec.networks]
        if self._chance.random() < 0.4:
            await self._client().create_network(name)
            self._networks.add(name)
        elif any(life.state is not State.EXITED for life in on_it):
            with refused(ConflictError, f"remove of network {name}, on which something is"):
                await self._client().remove_network(name)
        else:
            there = name in self._networks
            equal(there, await self._client().remove_network(name), f"remove of network {name}")
            self._networks.discard(name)

    async def _reopen(self, _: str) -> None:
        which = self._chance.randrange(len(self._pipes))
        await self._pipes[which].aclose()
        self._pipes[which] = await self._open()


def _spoil(found: Container) -> None:
    """Change what was answered, as a caller may: it is the caller's own."""
    if isinstance(found.labels, dict):
        found.labels["spoilt"] = "by the caller"


_Doing = Callable[[Household, str], Awaitable[None]]
_DOINGS: tuple[_Doing, ...] = (
    *(Household._run,) * 4,  # noqa: SLF001 - its own
    Household._start,  # noqa: SLF001
    Household._stop,  # noqa: SLF001
    *(Household._restart,) * 3,  # noqa: SLF001
    *(Household._remove,) * 2,  # noqa: SLF001
    *(Household._pause,) * 3,  # noqa: SLF001
    *(Household._write,) * 3,  # noqa: SLF001
    *(Household._read,) * 2,  # noqa: SLF001
    *(Household._fetch,) * 4,  # noqa: SLF001
    Household._volume,  # noqa: SLF001
    *(Household._network,) * 3,  # noqa: SLF001
    Household._reopen,  # noqa: SLF001
)
_ON_RUNNING = (
    Household._pause,  # noqa: SLF001
    Household._write,  # noqa: SLF001
    Household._read,  # noqa: SLF001
    Household._fetch,  # noqa: SLF001
)
