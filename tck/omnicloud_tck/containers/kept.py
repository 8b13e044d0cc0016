"""What one service or tenant has on an engine, beside what a model says that it should be."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    Port,
    State,
    Stream,
)
from omnicloud.contracts.containers.driver import Logs
from omnicloud.core.pipeline import Pipeline
from omnicloud_tck.check import Broken, equal, that
from omnicloud_tck.containers.bench import PATIENCE
from omnicloud_tck.containers.lived import Life
from omnicloud_tck.containers.specs import NAMES, Drawing
from omnicloud_tck.world import World

__all__ = ["Grounds", "Kept", "spoil"]

_CLEAR = 0.3  # seconds around a moment within which nothing is compared
_MOMENTS = 200
_LOOKS, _PAUSE = 800, 0.025
_LINES = 10_000
_AGAIN = 0.4


@dataclass(slots=True)
class Grounds:
    """What all services of one engine share.

    Attributes:
        lives: Their containers.
        images: References.
        archive: Where an archive is of which images are made.
    """

    lives: list[Life] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    archive: str = ""

    def taken(self, until: float = 0.0) -> set[int]:
        """Ports of the machine that are held, and not let go of until a moment."""
        held = (life for life in self.lives if life.state is not State.EXITED)
        return {port.host for life in held if (life.due or until) >= until for port in life.ports}


class Kept:
    """What there is, by two clients that come and go."""

    def __init__(
        self,
        world: World[Any],
        chance: random.Random,
        drawing: Drawing,
        grounds: Grounds,
        opened: Callable[[], Awaitable[Pipeline[Any]]],
    ) -> None:
        self._world = world
        self._chance = chance
        self._drawing = drawing
        self._grounds = grounds
        self._open = opened
        self._pipes: list[Pipeline[Any]] = []
        self._lives: dict[str, Life] = {}
        self._volumes: dict[str, str | None] = {}
        self._networks: set[str] = set()
        self._ids: set[str] = set()
        self._last = ""

    @property
    def features(self) -> Any:
        """Those of which the program makes use."""
        return self._drawing.features

    @property
    def slack(self) -> float:
        """Seconds by which what happens may be late."""
        return _CLEAR if self._world.virtual else PATIENCE

    def _pipe(self) -> Pipeline[Any]:
        return self._chance.choice(self._pipes)

    def _client(self) -> Containers:
        return Containers(self._pipe(), self._world.clock)

    def _now(self) -> float:
        return self._world.clock.monotonic()

    async def _come_clear(self) -> None:
        """Come to a moment at which nothing is just about to happen, and let the model follow."""
        if not self._world.virtual:
            await self._rested()
            return
        lives = self._grounds.lives
        for _ in range(_MOMENTS):
            for life in lives:
                life.advance(self._now() - _CLEAR)
            dues = [life.due for life in lives if life.due is not None]
            near = [due for due in dues if due <= self._now() + _CLEAR]
            if not near:
                return
            await self._world.sleep(max(near) + 2 * _CLEAR - self._now())

    async def _rested(self) -> None:
        """Wait until all has ended that ends by itself."""
        for name, life in self._lives.items():
            if life.due is not None:
                found = await self._client().wait(name, timeout=3 * PATIENCE)
                equal(State.EXITED, found.state, f"{name}, some time after its end")
                life.advance(float("inf"))

    async def _speaks(self, name: str, life: Life) -> None:
        """Where time is real, come to the moment at which its program has said what it says."""
        for _ in range(0 if self._world.virtual or life.due is not None else _LOOKS):
            if len((await self._said(name))[Stream.STDOUT]) >= len(life.said):
                return
            await self._world.sleep(_PAUSE)

    def _compare(self, found: Container, life: Life, about: str) -> None:
        state = life.state
        equal(
            (life.id, state, life.exit_code, life.restarts, dict(life.spec.labels)),
            (found.id, found.state, found.exit_code, found.restarts, dict(found.labels)),
            about,
        )
        clock = self._world.clock
        off = found.started_at - (clock.wall() - clock.monotonic() + life.began)
        that(abs(off) < self.slack, f"{about}: it was started {off} s off")
        if state is State.RUNNING:
            equal(life.resources, found.resources, f"{about}: its limits")
        equal(() if state is State.EXITED else life.ports, found.ports, f"{about}: its ports")
        health = life.health(self._now())
        if health is not None:
            equal(health, found.health, f"{about}: its health")
        if life.spec.image is not None:
            equal(life.spec.image, found.image, f"{about}: its image")

    def _take_ports(self, found: Container, life: Life, about: str) -> None:
        """Keep the ports that the engine gave; those that were asked for it has to give."""
        asked = {port.container: port.host for port in life.spec.ports}
        given = {port.container: port.host for port in found.ports}
        equal(sorted(asked), sorted(given), f"{about}: which ports are published")
        chosen = {asked[number] or given[number] for number in asked}
        equal(chosen, set(given.values()), f"{about}: where they are published")
        # Another one may have ended meanwhile: only who surely has a port still has it.
        taken = sorted(chosen & self._grounds.taken(self._now() + _CLEAR))
        that(len(chosen) == len(asked) and not taken, f"{about}: it was given {taken}, taken ones")
        life.ports = tuple(Port(*pair) for pair in sorted(given.items()))

    async def _look_at(self, name: str) -> None:
        await self._come_clear()
        found, life = await self._client().get(name), self._lives.get(name)
        equal(life is None, found is None, f"whether there is no {name}")
        if found is None or life is None:
            return
        self._compare(found, life, name)
        spoil(found)
        await self._listen_to(name, life)

    async def _listen_to(self, name: str, life: Life) -> None:
        """Compare its lines; some may come while they are read."""
        await self._come_clear()
        before = len(life.said), len(life.grumbled)
        said = await self._said(name)
        await self._come_clear()
        each = zip((Stream.STDOUT, Stream.STDERR), (life.said, life.grumbled), before, strict=True)
        for stream, lines, least in each:
            told = said[stream]
            count = max(least, min(len(told), len(lines)))
            equal(lines[:count], told, f"what {name} said on {stream.value}")

    async def _said(self, name: str) -> dict[Stream, list[str]]:
        """All lines of each stream, asked for by pages of any length, or as users ask."""
        if self._chance.random() < 0.7:
            lines = [line async for line in self._client().logs(name)]
        else:
            lines, cursor = [], None
            most = self._chance.choice((1, 2, 5)) if self._world.virtual else 50
            for _ in range(_LINES):
                page = await self._pipe().send(Logs(name, cursor, 0.0, most))
                that(len(page.lines) <= most, f"a page of {name} has more than {most} lines")
                lines, cursor = [*lines, *page.lines], page.cursor
                if page.ended or not page.lines:
                    break
        for stream in Stream:
            stamps = [line.at for line in lines if line.stream is stream]
            that(stamps == sorted(stamps), f"the stamps of what {name} said fall")
        return {stream: [line.text for line in lines if line.stream is stream] for stream in Stream}

    def _missing(self, life: Life) -> bool:
        """Whether something is not there that it is to be attached to, or run from."""
        spec = life.spec
        volumes = {mount.volume for mount in spec.mounts}
        return not (
            self._networks.issuperset(spec.networks)
            and volumes <= self._volumes.keys()
            and (spec.image is None or spec.image in self._grounds.images)
        )

    def _port_is_taken(self, life: Life) -> bool:
        return bool({port.host for port in life.spec.ports} & self._grounds.taken())

    def _likely(self, names: list[str]) -> str:
        """Mostly one of these, and of them often the one that something was done with last."""
        if self._last in names and self._chance.random() < _AGAIN:
            return self._last
        return self._chance.choice(names if names and self._chance.random() < 0.85 else NAMES)

    def _lives_of(self, name: str) -> Life:
        life = self._lives.get(name)
        if life is None:
            raise Broken(f"the program has lost {name}")
        return life

    def _uses(self, feature: ContainersFeature) -> bool:
        return feature in self.features


def spoil(found: Container) -> None:
    """Change what was answered, as a caller may: it is the caller's own."""
    if isinstance(found.labels, dict):
        found.labels["spoilt"] = "by the caller"
