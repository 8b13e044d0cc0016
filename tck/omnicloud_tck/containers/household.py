"""The containers of one service or tenant: random steps, done on an engine and on a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import zip_longest
from typing import Any

from omnicloud.contracts.containers import ContainersFeature, EventKind, State
from omnicloud.contracts.containers.driver import Events
from omnicloud_tck.check import equal
from omnicloud_tck.containers.goods import Goods
from omnicloud_tck.containers.kept import spoil
from omnicloud_tck.containers.specs import LABELS, NAMES, NETWORKS, VOLUMES

__all__ = ["Household"]

_F = ContainersFeature
_K = EventKind
_UNTOLD = (_K.HEALTHY, _K.UNHEALTHY)
_ENDED = (137, 143)  # by KILL or TERM
_PAGES, _REAL_PAGES = 10_000, 60
_AT_FIRST = 3
_TRIED_AT_ONCE = (
    0.7  # of what was begun again, the share that is tried before anything else is done
)

Told = list[tuple[EventKind, int | None]]


class Household(Goods):
    """What one service or tenant has, and all that it may do."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._cursor = ""
        self._told_of: dict[str, Told] = {}
        self._doings: list[_Doing] = []

    async def enter(self) -> None:
        """Open the clients, and begin to listen."""
        self._pipes = [await self._open() for _ in range(2)]
        if self._uses(_F.EVENTS):
            self._cursor = (await self._pipes[0].send(Events(""))).cursor
        self._doings = self._some_doings()
        for name in self._chance.sample(VOLUMES, 3) if self._uses(_F.VOLUMES) else ():
            await self._client().create_volume(name)
            self._volumes[name] = None
        if self._uses(_F.NETWORKS):
            for name in self._chance.sample(NETWORKS, self._chance.choice((1, 2))):
                await self._client().create_network(name)
                self._networks.add(name)
        for _ in range(2 if self._uses(_F.IMAGES) else 0):
            await self._image("")
        for name in self._chance.sample(NAMES, _AT_FIRST):
            await self._come_clear()
            await self._run(name)

    def _some_doings(self) -> list[_Doing]:
        """Those that the features let be done; in some programs only a few kinds of them.

        Few kinds meet more often: Groce et al., "Swarm testing" (ISSTA 2012).
        """
        possible = [
            (doing, weight) for doing, weight, needs in _DOINGS if needs <= set(self.features)
        ]
        if self._world.virtual and self._chance.random() < 0.5:
            count = self._chance.randint(4, len(possible))
            some = self._chance.sample(possible[1:], min(count, len(possible) - 1))
            possible = [possible[0], *some]
        return [doing for doing, weight in possible for _ in range(weight)]

    async def step(self, trail: list[str], whose: str) -> None:
        """Do something."""
        await self._come_clear()
        doing = self._chance.choice(self._doings)
        name = self._last = self._name(doing)
        trail.append(f"{doing.__name__.strip('_')} {name} of {whose}")
        await doing(self, name)
        if doing in _BEGINNINGS and self._chance.random() < _TRIED_AT_ONCE:
            await self._try_out(name)

    def _name(self, doing: _Doing) -> str:
        """Mostly one that there is something to do with."""
        lives = self._lives.items()
        if doing is Household._run:
            return self._likely([name for name in NAMES if name not in self._lives])
        if doing in (Household._restart, Household._stop):
            return self._likely([name for name, one in lives if one.state is not State.EXITED])
        if doing in _ON_RUNNING:
            return self._likely([name for name, one in lives if one.state is State.RUNNING])
        return self._likely(list(self._lives))

    async def look(self) -> None:
        """Compare what there is with what there should be."""
        await self._come_clear()
        wanted = dict(self._chance.sample(LABELS, self._chance.choice((0, 0, 1, 2))))
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
            spoil(one)
        await self._look_at(self._chance.choice(NAMES))
        await self._has_goods()
        if not self._world.virtual and self._uses(_F.EVENTS):
            await self._hear()

    async def _hear(self) -> None:
        """Take what was told since the last time, before an engine forgets it."""
        page = await self._pipes[0].send(Events("", self._cursor))
        for event in page.events:
            self._told_of.setdefault(event.name, []).append((event.kind, event.exit_code))
        self._cursor = page.cursor

    async def leave(self) -> None:
        """Compare all that was said and told, and take everything away."""
        for name in list(self._lives):
            await self._look_at(name)
            await self._come_clear()
            await self._remove(name, force=True)
        for name in list(self._volumes):
            equal(True, await self._client().remove_volume(name), f"remove of volume {name}")
        for name in list(self._networks):
            equal(True, await self._client().remove_network(name), f"remove of network {name}")
        await self._leave_images()
        await self._world.sleep(200.0 if self._world.virtual else 0.0)
        equal((), await self._client().list(), "what is there after all was removed")
        if self._uses(_F.EVENTS):
            await self._compare_events("")
        if self._uses(_F.EVENTS) and self._world.virtual:
            await self._compare_events(self._chance.choice(("w", "web-", "a", "A")))

    async def _compare_events(self, prefix: str) -> None:
        gone = {name: _plain(told) for name, told in self._gone.items() if name.startswith(prefix)}
        told = await self._told(prefix, sum(map(len, gone.values())))
        for name in NAMES:
            expected, found = gone.get(name, []), _plain(told.get(name, []))
            if not self._world.virtual:
                expected = _as_it_ended(expected, found)
            equal(expected, found, f"what was told of {name}")

    async def _told(self, prefix: str, least: int) -> dict[str, Told]:
        """What was told of each, by pages, until nothing more comes."""
        told = {name: list(events) for name, events in self._told_of.items()}
        least -= sum(map(len, told.values()))
        cursor, wait = self._cursor, 1.0 if self._world.virtual else 0.3
        for _ in range(_PAGES if self._world.virtual else _REAL_PAGES):
            page = await self._pipes[0].send(Events(prefix, cursor, wait))
            for event in page.events:
                told.setdefault(event.name, []).append((event.kind, event.exit_code))
            silent, cursor = page.cursor == cursor, page.cursor
            if self._world.virtual and silent:  # else an empty page was about others
                break
            least -= len(page.events)
            if not self._world.virtual and not page.events and least <= 0:
                break
        return told

    async def _reopen(self, _: str) -> None:
        which = self._chance.randrange(len(self._pipes))
        await self._pipes[which].aclose()
        self._pipes[which] = await self._open()


def _plain(told: Told) -> Told:
    """Without what checks say, and without the waking of a paused one that is then ended.

    Whether an engine wakes it for that, and tells so, is its own business.
    """
    kept = [one for one in told if one[0] not in _UNTOLD]
    return [
        one
        for one, then in zip(kept, (*kept[1:], None), strict=False)
        if one[0] is not _K.UNPAUSED or then is None or then[0] is not _K.EXITED
    ]


def _as_it_ended(expected: Told, told: Told) -> Told:
    """What may be told where time is real: who is ended may just have ended by itself."""
    return [
        (kind, said if kind is _K.EXITED and code in _ENDED else code)
        for (kind, code), (_, said) in zip_longest(expected, told, fillvalue=(_K.EXITED, None))
    ][: len(expected)]


_Doing = Callable[[Household, str], Awaitable[None]]
_DOINGS: tuple[tuple[_Doing, int, set[ContainersFeature]], ...] = (
    (Household._run, 4, set()),  # noqa: SLF001 - its own
    (Household._start, 1, set()),  # noqa: SLF001
    (Household._stop, 1, set()),  # noqa: SLF001
    (Household._restart, 3, set()),  # noqa: SLF001
    (Household._remove, 2, set()),  # noqa: SLF001
    (Household._wait, 1, set()),  # noqa: SLF001
    (Household._ended_by_another, 1, set()),  # noqa: SLF001
    (Household._follow, 1, set()),  # noqa: SLF001
    (Household._reopen, 1, set()),  # noqa: SLF001
    (Household._pause, 3, {_F.PAUSE}),  # noqa: SLF001
    (Household._update, 4, {_F.CPU}),  # noqa: SLF001
    (Household._sample, 1, {_F.STATS}),  # noqa: SLF001
    (Household._exec, 1, {_F.EXEC}),  # noqa: SLF001
    (Household._write, 3, {_F.EXEC, _F.VOLUMES}),  # noqa: SLF001
    (Household._read, 2, {_F.EXEC, _F.VOLUMES}),  # noqa: SLF001
    (Household._fetch, 4, {_F.EXEC, _F.NETWORKS}),  # noqa: SLF001
    (Household._volume, 1, {_F.VOLUMES}),  # noqa: SLF001
    (Household._network, 3, {_F.NETWORKS}),  # noqa: SLF001
    (Household._image, 3, {_F.IMAGES}),  # noqa: SLF001
)
_BEGINNINGS = (Household._start, Household._restart)  # noqa: SLF001
_ON_RUNNING = (
    Household._pause,  # noqa: SLF001
    Household._update,  # noqa: SLF001
    Household._sample,  # noqa: SLF001
    Household._exec,  # noqa: SLF001
    Household._follow,  # noqa: SLF001
    Household._ended_by_another,  # noqa: SLF001
    Household._write,  # noqa: SLF001
    Household._read,  # noqa: SLF001
    Household._fetch,  # noqa: SLF001
)
