"""Containers in memory as they live: plain data and timers, nothing awaits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence

from omnicloud.contracts.containers.models import (
    Event,
    EventKind,
    Health,
    LogLine,
    State,
    Stream,
)
from omnicloud.contracts.containers.restarts import STEADY_SECONDS, backoff, restarts_after
from omnicloud.memory.attached import Reach
from omnicloud.memory.box import Box
from omnicloud.memory.shell import Program, started
from omnicloud.memory.store import MemoryStore

__all__ = ["KILLED", "Engine", "output"]

KILLED = 137
TERMINATED = 143
KEPT_EVENTS = 10_000


class Engine:
    """What lets boxes live in a store's time."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._events = store.rows(("containers", "events")).setdefault(
            "all", deque[tuple[int, Hashable, Event]](maxlen=KEPT_EVENTS)
        )

    @property
    def events(self) -> deque[tuple[int, Hashable, Event]]:
        """What happened, numbered, with the space it happened in."""
        kept: deque[tuple[int, Hashable, Event]] = self._events
        return kept

    def begin(self, box: Box, at: float) -> None:
        """Start a run."""
        box.program = self.program(box, box.spec.command)
        box.turn += 1
        box.state, box.exit_code, box.owed = State.RUNNING, None, False
        box.began, box.started_at, box.cpu_seconds = at, self._wall(at), 0.0
        box.limited_seconds = box.held_seconds = box.throttled_seconds = 0.0
        self.tell(box, EventKind.STARTED, at)
        self._watch_health(box, at)
        self.go_on(box, box.turn, at)

    def program(self, box: Box, command: Sequence[str]) -> Program:
        """A program of that container, at its beginning."""
        env = {"PWD": box.spec.working_dir or "/", **box.spec.env}
        return started(command, env, Reach(self._store, box))

    def go_on(self, box: Box, turn: int, at: float) -> None:
        """Let it do its next step, unless that was of an older run or it is paused."""
        if box.turn != turn or box.program is None:
            return
        if box.state is State.PAUSED:
            box.owed = True
            return
        step = box.program.next_nap()
        self._take_lines(box, at)
        if isinstance(step, int):
            self.end(box, step, at)
            return
        if step.busy:
            box.work(step.seconds)
        then = at + step.seconds
        self._store.at(then, lambda: self.go_on(box, turn, then))

    def end(self, box: Box, code: int, at: float) -> None:
        """It ended; start it again later where its policy says so."""
        if box.program is not None:
            box.program.finish()
            self._take_lines(box, at)
        box.program, box.exit_code = None, code
        box.turn += 1
        self.tell(box, EventKind.EXITED, at, code)
        if box.by_hand or not restarts_after(box.spec.restart, code, box.restarts):
            box.state, box.ports = State.EXITED, {}
            return
        box.state = State.RESTARTING
        box.streak = 0 if at - box.began >= STEADY_SECONDS else box.streak
        then, turn = at + backoff(box.streak), box.turn
        box.streak += 1
        self._store.at(then, lambda: self._again(box, turn, then))

    def terminate(self, box: Box, grace: float, at: float) -> None:
        """TERM now, KILL after the grace."""
        box.by_hand = True
        if box.state is State.RESTARTING or box.program is None:
            self.lie(box)
            return
        turn = box.turn
        if box.program.terminate():
            self.end(box, TERMINATED, at)
            return
        then = at + grace
        self._store.at(then, lambda: self.kill(box, turn, then))

    def kill(self, box: Box, turn: int, at: float) -> None:
        """End that run at once."""
        if box.turn == turn and box.program is not None:
            self.end(box, KILLED, at)

    def lie(self, box: Box) -> None:
        """Let no further run begin."""
        box.turn += 1
        box.state, box.ports = State.EXITED, {}

    def tell(self, box: Box, kind: EventKind, at: float, exit_code: int | None = None) -> None:
        """Note an event and wake those who wait."""
        event = Event(box.spec.name, kind, self._wall(at), exit_code)
        self._events.append((self._store.number(), box.space, event))
        self._store.tell()

    def _again(self, box: Box, turn: int, at: float) -> None:
        if box.turn == turn and box.state is State.RESTARTING:
            box.restarts += 1
            self.begin(box, at)

    def _take_lines(self, box: Box, at: float) -> None:
        if box.program is None or not box.program.said:
            return
        for stream, text in box.program.said:
            box.lines.append(LogLine(_bytes(text), stream, self._wall(at)))
            box.told += 1
        box.program.said.clear()
        self._store.tell()

    def _wall(self, at: float) -> float:
        return self._store.clock.wall() + at - self._store.clock.monotonic()

    # Health.

    def _watch_health(self, box: Box, at: float) -> None:
        check = box.spec.health
        if check is not None:
            box.health, box.failures = Health.STARTING, 0
            self._store.at(at + check.interval, self._checking(box, box.turn, at + check.interval))

    def _checking(self, box: Box, turn: int, at: float) -> Callable[[], None]:
        return lambda: self._check(box, turn, at)

    def _check(self, box: Box, turn: int, at: float) -> None:
        check = box.spec.health
        if box.turn != turn or check is None:
            return
        well = _ends_well(self.program(box, check.command), check.timeout)
        box.failures = 0 if well else box.failures + 1
        if well:
            self._find(box, Health.HEALTHY, EventKind.HEALTHY, at)
        elif box.failures >= check.retries:
            self._find(box, Health.UNHEALTHY, EventKind.UNHEALTHY, at)
        self._store.at(at + check.interval, self._checking(box, turn, at + check.interval))

    def _find(self, box: Box, health: Health, kind: EventKind, at: float) -> None:
        if box.health is not health:
            box.health = health
            self.tell(box, kind, at)


def _ends_well(program: Program, timeout: float) -> bool:
    passed = 0.0
    while passed <= timeout:
        step = program.next_nap()
        if isinstance(step, int):
            return step == 0
        passed += step.seconds
    return False


def output(program: Program) -> tuple[bytes, bytes]:
    """What a program that has ended has written, by stream."""
    return _written(program, Stream.STDOUT), _written(program, Stream.STDERR)


def _written(program: Program, stream: Stream) -> bytes:
    lines = b"".join(_bytes(text) + b"\n" for to, text in program.said if to is stream)
    return lines[:-1] if stream in program.cut else lines


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
