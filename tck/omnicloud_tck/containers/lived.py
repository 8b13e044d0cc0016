"""A plain model of containers: what each would be, have said and have told at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from omnicloud.contracts.containers import (
    ContainerSpec,
    EventKind,
    Health,
    Port,
    Resources,
    RestartPolicy,
    RestartWhen,
    State,
)

__all__ = ["PARTS", "WELL", "Life", "Part"]

_KILLED, _TERMINATED = 137, 143
_FIRST, _MOST, _STEADY = 0.1, 60.0, 10.0
_REST = "while true; do sleep 0.05; done"
_SAY = 'echo "$V"'
_UNSURE = 0.5  # seconds around a verdict of checks within which it may be told or not
WELL = ("true",)
"""The one command of a check that ends well."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a container's program does.

    Attributes:
        script: In it, a line with ``$V``.
        lasts: Seconds after which it ends by itself; ``None``: it does not.
        code: How it ends then.
        heeds: Seconds it takes to end after TERM.
        left: How it ends after TERM.
        parting: What it says after TERM.
        grumbles: What it says on the other stream.
        serves: Whether it serves a file at port 8080.
        plain: Whether it is as short, and as sure, where time is real.
    """

    script: str
    lasts: float | None = None
    code: int = 0
    heeds: float = 0.0
    left: int = _TERMINATED
    parting: tuple[str, ...] = ()
    grumbles: tuple[str, ...] = ()
    serves: bool = False
    plain: bool = False


PARTS = (
    Part(f"{_SAY}; exit 0", 0.0, plain=True),
    Part(f"{_SAY}; exit 3", 0.0, 3, plain=True),
    Part(f"{_SAY}; exit 139", 0.0, 139, plain=True),
    Part(
        f"echo oops >&2; {_SAY}; echo why >&2; exit 4", 0.0, 4, grumbles=("oops", "why"), plain=True
    ),
    Part(f"{_SAY}; sleep 3; exit 1", 3.0, 1),
    Part(f"{_SAY}; sleep 12; exit 2", 12.0, 2),
    Part(f"{_SAY}; sleep 100000"),
    Part(
        f"trap 'echo bye; exit 7' TERM; {_SAY}; {_REST}",
        heeds=0.05,
        left=7,
        parting=("bye",),
        plain=True,
    ),
    Part(f"trap 'sleep 15; exit 9' TERM; {_SAY}; {_REST}", heeds=15.05, left=9),
    Part(f"trap '' TERM; {_SAY}; {_REST}", heeds=1e9, plain=True),
    *(Part(f"{_SAY}; echo hi > /srv/said; httpd -f -p 8080 -h /srv", serves=True),) * 4,
)


@dataclass(slots=True)
class Life:
    """One container.

    Attributes:
        says: What each run says at its beginning.
        due: When it ends by itself, or is started again.
        resources: Its limits.
        ports: Those that it has while it has not ended.
        unseen: Whether its checks in this run were disturbed, so that nobody knows what they say.
        said: Its lines; ``grumbled`` are those of the other stream.
        told: Its events: kinds and exit codes.
    """

    spec: ContainerSpec
    part: Part
    says: str
    id: str = ""
    state: State = State.EXITED
    exit_code: int | None = None
    restarts: int = 0
    streak: int = 0
    began: float = 0.0
    due: float | None = None
    resources: Resources = field(default_factory=Resources)
    ports: tuple[Port, ...] = ()
    unseen: bool = False
    said: list[str] = field(default_factory=list)
    grumbled: list[str] = field(default_factory=list)
    told: list[tuple[EventKind, int | None]] = field(default_factory=list)

    @property
    def lives(self) -> bool:
        """Whether it runs or is paused."""
        return self.state in (State.RUNNING, State.PAUSED)

    @property
    def policy(self) -> RestartPolicy:
        """When it is started again."""
        return self.spec.restart

    def start(self, now: float) -> None:
        """Begin a run by hand."""
        self.restarts = self.streak = 0
        self._begin(now)

    def advance(self, now: float) -> None:
        """Let pass what has passed until a moment."""
        while self.due is not None and self.due <= now:
            if self.state is State.RESTARTING:
                self.restarts += 1
                self._begin(self.due)
            else:
                self._end_by_itself(self.due)

    def stop(self, grace: float) -> None:
        """End it by hand."""
        if self.lives:
            heeded = self.part.heeds < grace
            self.said += self.part.parting if heeded else ()
            self._ended(self.part.left if heeded else _KILLED)
        self.state, self.due = State.EXITED, None

    def pause(self, state: State) -> None:
        """Hold it, or let it go on."""
        if state is not self.state:
            paused = state is State.PAUSED
            self.told.append((EventKind.PAUSED if paused else EventKind.UNPAUSED, None))
            self.state, self.unseen = state, True

    def update(self, limits: Resources) -> None:
        """Change its limits."""
        self.resources = self.resources.changed(limits)
        self.told.append((EventKind.UPDATED, None))

    def health(self, now: float) -> Health | None:
        """What its checks say; ``None`` where that is not sure."""
        check = self.spec.health
        if check is None:
            return Health.UNKNOWN
        if self.unseen or self.state is not State.RUNNING:
            return None
        well = check.command == WELL
        count = 1 if well else check.retries
        first = self.began + count * check.interval
        if now < first - _UNSURE:
            return Health.STARTING
        if now < first + count * check.timeout + _UNSURE:
            return None
        return Health.HEALTHY if well else Health.UNHEALTHY

    def remove(self) -> None:
        """Forget it, by force where it has not ended."""
        if self.lives:
            self._ended(_KILLED)
        self.told.append((EventKind.REMOVED, None))

    def _begin(self, at: float) -> None:
        self.state, self.exit_code, self.began = State.RUNNING, None, at
        self.due = None if self.part.lasts is None else at + self.part.lasts
        self.unseen = False
        self.said += self.says.split("\n")
        self.grumbled += self.part.grumbles
        self.told.append((EventKind.STARTED, None))

    def _ended(self, code: int) -> None:
        self.exit_code, self.due = code, None
        self.told.append((EventKind.EXITED, code))

    def _end_by_itself(self, at: float) -> None:
        self._ended(self.part.code)
        if not self._goes_on():
            self.state = State.EXITED
            return
        self.streak = 0 if at - self.began >= _STEADY else self.streak
        self.state = State.RESTARTING
        self.due = at + min(_MOST, _FIRST * 2.0**self.streak)
        self.streak += 1

    def _goes_on(self) -> bool:
        if self.policy.when is RestartWhen.ON_FAILURE:
            most = self.policy.most
            return self.part.code != 0 and (most is None or self.restarts < most)
        return self.policy.when is RestartWhen.ALWAYS
