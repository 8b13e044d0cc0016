"""One whole round: every verb on a container, a volume and a network that share one name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    Containers,
    ContainersFeature,
    ContainerSpec,
    EventKind,
    Health,
    Mount,
    Resources,
    State,
    Stream,
)
from omnicloud.contracts.containers.driver import Events, Logs
from omnicloud.contracts.containers.models import EventPage
from omnicloud.errors import NotFoundError, OmniCloudError
from omnicloud_tck.check import Broken, equal, eventually, that
from omnicloud_tck.containers.bench import DEAF, IDLE, PATIENCE, sh
from omnicloud_tck.world import World

__all__ = ["KILLED", "Round", "Step", "abreast"]

_F = ContainersFeature
_K = EventKind
_SLEEPS = "echo ready; sleep 10000000"
_TERMINATED = 143
KILLED = 137
"""How ends what KILL ends."""
_GRACE, _REAL_GRACE = 1.5, 0.5
_WAIT, _REAL_WAIT = 1.0, 0.4
_EVENT_PAGES = 60
_RATES = {"read_bps": 4_000_001, "write_bps": 5 << 30, "read_iops": 501, "write_iops": 401}

Step = Callable[[Containers], Awaitable[None]]
Between = Callable[["Round", Containers, int], Awaitable[None]]


async def nothing(*_: object) -> None:
    """What happens between two steps as a rule."""


@dataclass(slots=True)
class Round:
    """What is there under a name, and what is done with it, step by step.

    Attributes:
        family: All whose names may begin alike.
        turn: Which of the verbs comes first.
        between: What happens before each step.
        deaf: Whether its program heeds no TERM.
        aged: Whether its first lines may be so old that nobody keeps them.
        taken: What was told of it so far, of ``told``.
        more: What else its container is given.
        archive: Of what an image is made meanwhile, which is called ``reference``.
        absent: What is done while nothing is there; ``present`` is the rest.
    """

    world: World[Any]
    clients: list[Containers]
    name: str
    family: list[Round]
    turn: int = 0
    between: Between = nothing
    deaf: bool = False
    aged: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    archive: str = ""
    absent: tuple[tuple[ContainersFeature | None, Any], ...] = ()
    present: tuple[tuple[ContainersFeature | None, Any], ...] = ()
    state: State | None = None
    volume: bool = False
    network: bool = False
    id: str = ""
    code: int | None = None
    runs: int = 0
    limits: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[EventKind, int | None]] = field(default_factory=list)
    taken: list[tuple[EventKind, int | None]] = field(default_factory=list)
    cursor: str = ""
    started_at: float = 0.0
    image: str | None = None

    def __post_init__(self) -> None:
        self.family.append(self)

    @property
    def features(self) -> Any:
        """Those of the driver."""
        return self.clients[0].pipeline.driver.features

    @property
    def code_of_stop(self) -> int:
        """How its program ends after TERM, and perhaps KILL."""
        heeding = _TERMINATED if self.world.virtual else 0
        return KILLED if self.deaf else heeding

    @property
    def grace(self) -> float:
        """How long it has to heed TERM."""
        short = _GRACE if self.world.virtual else _REAL_GRACE
        return short if self.deaf else PATIENCE

    @property
    def wait(self) -> float:
        """How long its end is waited for, where there is none."""
        return _WAIT if self.world.virtual else _REAL_WAIT

    @property
    def slack(self) -> float:
        """Seconds by which something may be late."""
        return 1.0 if self.world.virtual else PATIENCE

    def spec(self) -> ContainerSpec:
        """What it runs."""
        script = _SLEEPS if self.world.virtual else IDLE
        if self.deaf:
            script = f"trap '' TERM; {_SLEEPS}" if self.world.virtual else DEAF
        volumes, networks = _F.VOLUMES in self.features, _F.NETWORKS in self.features
        given: dict[str, Any] = {
            "env": {"V": self.text},
            "mounts": (Mount(self.name, "/data"),) if volumes else (),
            "networks": (self.name,) if networks else (),
            "host": "host" if networks else None,
            **({"cpu": 0.5} if _F.CPU in self.features else {}),
        }
        if _F.IO in self.features and self.world.virtual:
            given |= _RATES
        given |= self.more | {"labels": self.labels}
        return ContainerSpec(name=self.name, command=sh(script), **given)

    @property
    def text(self) -> str:
        """The name as an argument."""
        return "x" + self.name.replace("\0", "").replace("\\", "")

    @property
    def reference(self) -> str:
        """What its image is called: as it is itself, where no other world sees it."""
        asked = self.name if ":" in self.name else "omnicloud-tck/beside:1"
        return asked if self.world.virtual else f"omnicloud-tck/{id(self.world)}:1"

    @property
    def labels(self) -> dict[str, str]:
        """Those of its container."""
        own = {"name": self.name.replace("\0", ""), "none": ""}
        given: dict[str, str] = self.more.get("labels", {})
        return own | given

    def steps(self) -> list[Step]:
        """All that is done."""
        at = self.turn % len(self.absent)
        absent = [*self.absent[at:], *self.absent[:at]]
        return [self._bound(step, needs) for needs, step in (*absent, *self.present)]

    def _bound(self, step: Any, needs: ContainersFeature | None) -> Step:
        async def done(client: Containers) -> None:
            if needs is None or needs in self.features:
                await step(self, client)

        return done

    async def listen(self) -> None:
        """Begin to take note of what is told."""
        if _F.EVENTS in self.features:
            self.cursor = (await self.clients[0].pipeline.send(Events(""))).cursor

    def like(self, found: Container, about: str) -> None:
        """Compare an answer with what should be there."""
        equal(
            (self.name, self.id, self.state, self.code, 0, self.labels),
            (found.name, found.id, found.state, found.exit_code, found.restarts, {**found.labels}),
            about,
        )
        equal(self.started_at, found.started_at, f"{about}: when it was started")
        more = (found.health, found.image, found.ports)
        equal((Health.UNKNOWN, self.image, ()), more, f"{about}: its health, image and ports")
        if self.state is State.RUNNING:
            held = Resources(**self._held()) if self.world.virtual else None
            equal(held or found.resources, found.resources, f"{about}: its limits")

    def _held(self) -> dict[str, Any]:
        spec = self.spec().resources
        return {name: getattr(spec, name) for name in spec.__slots__} | self.limits

    async def stands(self, client: Containers, about: str) -> None:
        """See that it is as it should be, for whoever asks."""
        found = await client.get(self.name)
        equal(self.state is None, found is None, f"{about}: whether there is none")
        if found is not None:
            self.like(found, about)

    def begun(self, found: Container, about: str) -> None:
        """Note a new run."""
        self.runs += 1
        self.state, self.code = State.RUNNING, None
        off = found.started_at - self.world.clock.wall()
        that(abs(off) < PATIENCE, f"{about}: it was started {off} s off")
        later = found.started_at >= self.started_at
        that(later, f"{about}: it was started before its last run")
        self.started_at, self.image = found.started_at, found.image
        self.told.append((_K.STARTED, None))
        self.like(found, about)

    def ended(self, found: Container, about: str) -> None:
        """Note an end by hand."""
        self.state, self.code = State.EXITED, self.code_of_stop
        self.told.append((_K.EXITED, self.code))
        self.like(found, about)

    def gone(self) -> None:
        """Note its removal: what is run after it is of the other kind."""
        self.deaf = not self.deaf
        self.state, self.code, self.runs, self.started_at = None, None, 0, 0.0
        self.limits = {}
        self.told.append((_K.REMOVED, None))

    async def spoken(self, client: Containers) -> None:
        """Come to the moment at which its program has begun."""

        async def said() -> bool:
            stamps = [one.at async for one in client.logs(self.name)]
            new = [at for at in stamps if at >= self.started_at - 1]
            return bool(new) if self.aged else len(stamps) >= self.runs

        await eventually(said, self.world.sleep, PATIENCE, f"run {self.runs} is ready")

    async def said(self, client: Containers) -> None:
        """Compare its lines."""
        lines = [(one.data, one.stream) async for one in client.logs(self.name)]
        kept = len(lines) if self.aged else self.runs
        equal([(b"ready", Stream.STDOUT)] * min(kept, self.runs), lines, "its lines")
        if not lines:
            return
        page = await client.pipeline.send(Logs(self.name, None, 0.0, 1))
        equal([b"ready"], [one.data for one in page.lines], "its first line")
        rest = await client.pipeline.send(Logs(self.name, page.cursor))
        that(len(rest.lines) < len(lines), "a line is told twice")

    async def page(self, client: Containers, prefix: str, wait: float = 0.0) -> EventPage | None:
        """What was told since the last time, ``None`` where that is not known any more."""
        if not self.cursor:
            return None
        try:
            return await client.pipeline.send(Events(prefix, self.cursor, wait))
        except NotFoundError:
            if self.world.virtual:
                raise
            # An engine keeps what it can, of all who use it: what is not told cannot be compared.
            self.cursor, self.taken = "", []
            return None

    async def hear(self, client: Containers, wait: float = 0.0) -> bool:
        """Take what was told since the last time; whether that is not all yet."""
        page = await self.page(client, self.name, wait)
        if page is None:
            return False
        other = [one.name for one in page.events if not one.name.startswith(self.name)]
        equal([], other, "others of which is told under its name")
        own = [one for one in page.events if one.name == self.name]
        self.taken += [(one.kind, one.exit_code) for one in own]
        silent, self.cursor = page.cursor == self.cursor, page.cursor
        return not silent or len(self.taken) < len(self.told)

    async def heard(self, client: Containers) -> None:
        """Compare what was told of it, its removal included."""
        for _ in range(_EVENT_PAGES + len(self.told)):
            if not await self.hear(client, 0.0 if self.taken else 0.2):
                break
            await self.world.sleep(0.02)
        equal(self.told if self.cursor else [], self.taken, "what was told of it")


async def abreast(rounds: list[Round]) -> None:
    """Do each step of all of them before the next one."""
    several = [one.steps() for one in rounds]
    for one in rounds:
        await one.listen()
    for at in range(len(several[0])):
        for one, steps in zip(rounds, several, strict=True):
            client = one.clients[(at + one.turn) % len(one.clients)]
            try:
                await one.between(one, client, at)
                await steps[at](client)
            except (Broken, OmniCloudError) as why:
                said = why if isinstance(why, Broken) else f"{type(why).__name__}: {why}"
                raise Broken(f"{said} ({one.name[:40]!r}, step {at})") from why
