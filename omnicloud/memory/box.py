"""One container in memory: plain data, and how it is seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from omnicloud.contracts.containers.models import (
    Container,
    ContainerSpec,
    Health,
    LogLine,
    Port,
    Resources,
    State,
    Stats,
)
from omnicloud.memory.shell import Program

__all__ = ["OWN_BYTES", "Box"]

KEPT_LINES = 20_000
OWN_BYTES = 1 << 20  # memory that every container is said to use
PERIOD_SECONDS = 0.1


@dataclass(slots=True)
class Box:
    """One container. ``turn`` counts its runs, so that an old timer knows that it is old."""

    space: Hashable
    spec: ContainerSpec
    id: str
    resources: Resources
    state: State = State.RUNNING
    program: Program | None = None
    turn: int = 0
    exit_code: int | None = None
    restarts: int = 0
    streak: int = 0
    by_hand: bool = False
    owed: bool = False
    """Whether it would have gone on while it was paused."""
    began: float = 0.0
    started_at: float = 0.0
    cpu_seconds: float = 0.0
    limited_seconds: float = 0.0
    """How long it worked under a processor limit."""
    held_seconds: float = 0.0
    """How long under one of less than a processor, which holds it back in every period."""
    throttled_seconds: float = 0.0
    """How much of that it waited."""
    health: Health = Health.UNKNOWN
    failures: int = 0
    lines: deque[LogLine] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    told: int = 0
    """How many lines it has written."""
    files: dict[str, list[str]] = field(default_factory=dict)
    """Its own, by path; those in volumes are the volumes'."""
    ports: dict[int, int] = field(default_factory=dict)
    """Of the machine, by its own, while it is not at rest."""

    def work(self, seconds: float) -> None:
        """Let it work for so long, as far as its limit lets it."""
        limit = self.resources.cpu
        share = 1.0 if limit is None else min(1.0, limit)
        self.cpu_seconds += seconds * share
        if limit is not None:
            self.limited_seconds += seconds
            self.held_seconds += seconds if share < 1 else 0.0
            self.throttled_seconds += seconds * (1 - share)

    def used(self, at: float) -> Stats:
        """What it uses."""
        return Stats(
            cpu_seconds=self.cpu_seconds,
            memory_bytes=OWN_BYTES,
            at=at,
            periods=int(self.limited_seconds / PERIOD_SECONDS),
            throttled_periods=int(self.held_seconds / PERIOD_SECONDS),
            throttled_seconds=self.throttled_seconds,
        )

    def seen(self) -> Container:
        """How it stands."""
        return Container(
            name=self.spec.name,
            id=self.id,
            state=self.state,
            exit_code=self.exit_code,
            restarts=self.restarts,
            started_at=self.started_at,
            health=self.health,
            labels=dict(self.spec.labels),
            image=self.spec.image,
            resources=self.resources,
            ports=tuple(Port(*pair) for pair in sorted(self.ports.items())),
        )
