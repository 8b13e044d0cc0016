"""A right containers driver beside which nothing runs: each request plays what has happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from correct.apart import Apart, Backend
from correct.common import correct
from omnicloud.contracts.containers.driver import (
    Events,
    Exec,
    Find,
    Inspect,
    Logs,
    Pause,
    Remove,
    Rest,
    Restart,
    Run,
    Sample,
    Start,
    Stop,
    Unpause,
    Update,
)
from omnicloud.contracts.containers.lacking import WithoutAttached, WithoutImages
from omnicloud.contracts.containers.models import (
    Container,
    ContainersFeature,
    ContainersLimits,
    ContainerSpec,
    Event,
    EventKind,
    EventPage,
    ExecResult,
    LogLine,
    LogPage,
    RestartWhen,
    State,
    Stats,
    Stream,
)
from omnicloud.core.clock import Clock
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    DeadlineExceededError,
    NotFoundError,
)
from omnicloud.memory.shell import Program, started

_FIRST_WAIT, _LONGEST_WAIT, _LONG_RUN = 0.1, 60.0, 10.0
_TERMINATED, _KILLED = 143, 137
_LINES, _EVENTS = 3, 2


@dataclass(slots=True, eq=False)
class Box:
    """A container; ``wakes`` is when its program, or its restart, goes on."""

    spec: ContainerSpec
    id: str
    program: Program
    began: float
    stamp: float = 0.0
    state: State = State.RUNNING
    code: int | None = None
    restarts: int = 0
    waits: float = _FIRST_WAIT
    wakes: float | None = None
    killed_at: float | None = None
    paused_at: float = 0.0
    stopped: bool = False
    busy: float = 0.0
    lines: list[LogLine] = field(default_factory=list)

    @property
    def due(self) -> float | None:
        """When something happens to it next."""
        wakes = None if self.state is State.PAUSED else self.wakes
        moments = [moment for moment in (wakes, self.killed_at) if moment is not None]
        return None if self.state is State.EXITED or not moments else min(moments)

    @property
    def comes_back(self) -> bool:
        """Whether it is started again after the end that it has come to."""
        policy = self.spec.restart
        if self.stopped or policy.when is RestartWhen.NEVER:
            return False
        left = policy.most is None or self.restarts < policy.most
        return policy.when is RestartWhen.ALWAYS or (self.code != 0 and left)


class Engine(Backend):
    """The containers of a service, and what was told of them."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.boxes: dict[str, Box] = {}
        self.events: list[Event] = []
        self.made = 0

    def wall(self, moment: float) -> float:
        """The wall clock's word for a monotonic moment."""
        return self.clock.wall() - (self.now() - moment)

    def note(self, box: Box, kind: EventKind, moment: float, code: int | None = None) -> None:
        """Tell of a change."""
        self.events.append(Event(box.spec.name, kind, self.wall(moment), code))
        self.tell()

    def launch(self, box: Box, moment: float) -> None:
        """Begin a run."""
        env = {"PWD": box.spec.working_dir or "/", **box.spec.env}
        box.program = started(box.spec.command, env)
        box.state, box.code, box.began = State.RUNNING, None, moment
        box.stamp = self.wall(moment)
        box.stopped, box.busy, box.killed_at = False, 0.0, None
        self.note(box, EventKind.STARTED, moment)
        self._step(box, moment)

    def end(self, box: Box, code: int, moment: float) -> None:
        """End a run; it is waited for, where it is to come back."""
        box.code, box.killed_at, box.wakes = code, None, None
        self.note(box, EventKind.EXITED, moment, code)
        if moment - box.began >= _LONG_RUN:
            box.waits = _FIRST_WAIT
        box.state = State.EXITED
        if box.comes_back:
            box.state, box.wakes = State.RESTARTING, moment + box.waits
            box.waits = min(_LONGEST_WAIT, box.waits * 2)

    def next(self) -> float | None:
        """When something happens next."""
        return min((box.due for box in self.boxes.values() if box.due is not None), default=None)

    def play(self) -> None:
        """Let happen what has been due until now."""
        while (moment := self.next()) is not None and moment <= self.now():
            box = next(box for box in self.boxes.values() if box.due == moment)
            if box.killed_at == moment:
                self.end(box, _KILLED, moment)
            elif box.state is State.RESTARTING:
                box.restarts += 1
                self.launch(box, moment)
            else:
                self._step(box, moment)

    def _step(self, box: Box, moment: float) -> None:
        nap = box.program.next_nap()
        stamp = self.wall(moment)
        box.lines += [
            LogLine(text.encode(errors="surrogateescape"), stream, stamp)
            for stream, text in box.program.said
        ]
        box.program.said.clear()
        self.tell()
        if isinstance(nap, int):
            self.end(box, nap, moment)
        else:
            box.wakes = moment + nap.seconds
            box.busy += nap.seconds if nap.busy else 0.0


@correct("containers")
class LazyEngine(WithoutImages, WithoutAttached, Apart):
    """Three lines a page, two events; a spec of 8 KiB at most."""

    backend_class = Engine
    _backend: Engine
    features: frozenset[Feature] = frozenset(
        {
            ContainersFeature.PAUSE,
            ContainersFeature.EXEC,
            ContainersFeature.STATS,
            ContainersFeature.EVENTS,
        }
    )
    limits = ContainersLimits(name_max_bytes=1410, exec_output_max_bytes=4096, spec_max_bytes=8192)

    async def run(self, op: Run, /) -> Container:
        await self._come()
        spec = replace(op.spec, env=dict(op.spec.env), labels=dict(op.spec.labels))
        if spec.name in self._backend.boxes:
            raise AlreadyExistsError("a container has the name")
        self._backend.made += self._backend.chance.randrange(1, 9)
        program = started(spec.command, spec.env)
        box = Box(spec, f"box-{self._backend.made:x}", program, self._backend.now())
        self._backend.boxes[spec.name] = box
        self._backend.launch(box, self._backend.now())
        return await self._told(box)

    async def inspect(self, op: Inspect, /) -> Container | None:
        await self._come()
        box = self._backend.boxes.get(op.container)
        return None if box is None else await self._told(box)

    async def find(self, op: Find, /) -> tuple[Container, ...]:
        await self._come()
        named = sorted(self._backend.boxes.items())
        found = (box for name, box in named if name.startswith(op.prefix))
        return tuple(
            self._stands(box) for box in found if op.labels.items() <= box.spec.labels.items()
        )

    async def start(self, op: Start, /) -> Container:
        box = await self._box(op.container)
        self._begin(box)
        return await self._told(box)

    async def stop(self, op: Stop, /) -> Container:
        box = await self._box(op.container)
        await self._stop(box, op.grace)
        return await self._told(box)

    async def restart(self, op: Restart, /) -> Container:
        box = await self._box(op.container)
        await self._stop(box, op.grace)
        if self._backend.boxes.get(op.container) is not box:
            raise NotFoundError("it was removed meanwhile")
        self._begin(box)
        return await self._told(box)

    async def pause(self, op: Pause, /) -> Container:
        box = await self._box(op.container)
        if box.state is State.RUNNING:
            box.state, box.paused_at = State.PAUSED, self._backend.now()
            self._backend.note(box, EventKind.PAUSED, box.paused_at)
        _check(box, State.PAUSED)
        return await self._told(box)

    async def unpause(self, op: Unpause, /) -> Container:
        box = await self._box(op.container)
        self._go_on(box)
        _check(box, State.RUNNING)
        return await self._told(box)

    async def remove(self, op: Remove, /) -> bool:
        await self._come()
        box = self._backend.boxes.get(op.container)
        if box is None:
            return False
        if box.state is not State.EXITED and not op.force:
            raise ConflictError("it has not ended")
        box.stopped = True
        if box.state in (State.RUNNING, State.PAUSED):
            self._backend.end(box, _KILLED, self._backend.now())
        box.state = State.EXITED
        del self._backend.boxes[op.container]
        self._backend.note(box, EventKind.REMOVED, self._backend.now())
        await self.linger()
        return True

    async def rest(self, op: Rest, /) -> Container:
        box = await self._box(op.container)
        await self._until(lambda: box.state is State.EXITED, self._backend.now() + op.wait)
        return self._stands(box)

    async def update(self, op: Update, /) -> Container:
        box = await self._box(op.container)
        _check(box, State.RUNNING)
        return await self._told(box)

    async def logs(self, op: Logs, /) -> LogPage:
        box = await self._box(op.container)
        at = int(op.cursor or 0)
        await self._until(
            lambda: len(box.lines) > at or box.state is State.EXITED, self._backend.now() + op.wait
        )
        page = tuple(box.lines[at : at + min(op.limit, _LINES)])
        told = at + len(page)
        return LogPage(page, str(told), box.state is State.EXITED and told == len(box.lines))

    async def exec(self, op: Exec, /) -> ExecResult:
        box = await self._box(op.container)
        _check(box, State.RUNNING)
        program, end = started(op.command, box.spec.env), self._backend.now() + op.wait
        texts = dict.fromkeys(Stream, b"")
        code = await self._executed(box, program, end, texts)
        most = self.limits.exec_output_max_bytes
        out, err = texts[Stream.STDOUT], texts[Stream.STDERR]
        return ExecResult(code, out[:most], err[:most], max(len(out), len(err)) > most)

    async def sample(self, op: Sample, /) -> Stats:
        box = await self._box(op.container)
        if box.state is not State.PAUSED:
            _check(box, State.RUNNING)
        await self.linger()
        return Stats(box.busy, (3 << 20) + len(box.lines), self._backend.clock.wall())

    async def events(self, op: Events, /) -> EventPage:
        await self._come()
        told = self._backend.events
        if op.cursor is None:
            return EventPage((), str(len(told)))
        at = int(op.cursor)

        def found() -> list[int]:
            numbers = range(at, len(told))
            return [number for number in numbers if told[number].name.startswith(op.prefix)]

        await self._until(lambda: bool(found()), self._backend.now() + op.wait)
        numbers, page = found(), found()[:_EVENTS]
        cursor = page[-1] + 1 if len(numbers) > len(page) else len(told)
        return EventPage(tuple(told[number] for number in page), str(cursor))

    async def _come(self) -> None:
        await self.arrive()
        self._backend.play()

    async def _box(self, name: str) -> Box:
        await self._come()
        box = self._backend.boxes.get(name)
        if box is None:
            raise NotFoundError("there is no such container")
        return box

    async def _told(self, box: Box) -> Container:
        stands = self._stands(box)
        await self.linger()
        return stands

    def _stands(self, box: Box) -> Container:
        return Container(
            name=box.spec.name,
            id=box.id,
            state=box.state,
            exit_code=box.code,
            restarts=box.restarts,
            started_at=box.stamp,
            labels=dict(box.spec.labels),
        )

    async def _until(self, is_so: Callable[[], bool], end: float) -> bool:
        """Let time pass until then at most; whether it came about."""
        while not is_so():
            if self._backend.now() >= end:
                return False
            next_ = self._backend.next()
            await self._backend.until(end if next_ is None else min(end, next_))
            self._backend.play()
        return True

    def _begin(self, box: Box) -> None:
        if box.state in (State.EXITED, State.RESTARTING):
            box.restarts, box.waits = 0, _FIRST_WAIT
            self._backend.launch(box, self._backend.now())

    def _go_on(self, box: Box) -> None:
        if box.state is State.PAUSED:
            box.state = State.RUNNING
            if box.wakes is not None:
                box.wakes += self._backend.now() - box.paused_at
            self._backend.note(box, EventKind.UNPAUSED, self._backend.now())

    async def _stop(self, box: Box, grace: float) -> None:
        box.stopped, now = True, self._backend.now()
        self._go_on(box)
        if box.state is State.RESTARTING:
            box.state, box.wakes = State.EXITED, None
            self._backend.tell()
        elif box.state is State.RUNNING and box.program.terminate():
            self._backend.end(box, _TERMINATED, now)
        elif box.state is State.RUNNING:
            run = box.began
            box.killed_at = min(now + grace, box.killed_at or now + grace)
            self._backend.play()  # without a grace that is now
            await self._until(lambda: box.state is State.EXITED or box.began != run, now + grace)

    async def _executed(
        self, box: Box, program: Program, end: float, texts: dict[Stream, bytes]
    ) -> int:
        """Let a further program run; its exit code."""
        run = box.began
        while True:
            nap = program.next_nap()
            for stream, text in program.said:
                texts[stream] += text.encode(errors="surrogateescape") + b"\n"
            program.said.clear()
            if isinstance(nap, int):
                for stream in program.cut:
                    texts[stream] = texts[stream][:-1]
                return nap
            wakes = self._backend.now() + nap.seconds
            if await self._until(
                lambda: box.began != run or box.state in (State.EXITED, State.RESTARTING),
                min(wakes, end),
            ):
                return _KILLED
            if wakes > end:
                raise DeadlineExceededError("the command had not ended")


def _check(box: Box, state: State) -> None:
    if box.state is not state:
        raise ConflictError("it does not run")
