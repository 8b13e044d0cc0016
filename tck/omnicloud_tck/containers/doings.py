"""What a random program of containers does to them: each verb on an engine and on a model."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from omnicloud.contracts.containers import (
    Container,
    ContainersFeature,
    EventKind,
    Resources,
    State,
)
from omnicloud.contracts.containers.driver import Rest, Sample
from omnicloud.core.operation import Operation
from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
)
from omnicloud_tck.check import Broken, equal, refused, that
from omnicloud_tck.containers.bench import PATIENCE, sh
from omnicloud_tck.containers.kept import Kept
from omnicloud_tck.containers.lived import Life

__all__ = ["Doings"]

_GRACES = (5.0, 12.0, 30.0)
_REAL_GRACES = (0.4, PATIENCE)
_AT_REST = (State.EXITED, State.RESTARTING)


class Doings(Kept):
    """The verbs about containers."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._gone: dict[str, list[tuple[EventKind, int | None]]] = {}
        self._worked: dict[tuple[str, float], float] = {}

    # Beginnings and ends.

    async def _run(self, name: str) -> None:
        life = self._drawing.life(name)
        if self._chance.random() < 0.06:
            await self._run_nothing(name, life)
        elif name in self._lives:
            either = (AlreadyExistsError, NotFoundError if self._missing(life) else ConflictError)
            both = self._missing(life) or self._port_is_taken(life)
            await self._refused_run(life, either if both else AlreadyExistsError)
        elif self._missing(life):
            await self._refused_run(life, NotFoundError)
        elif self._port_is_taken(life):
            await self._refused_run(life, ConflictError)
        else:
            await self._made(life)

    async def _refused_run(self, life: Life, error: Any) -> None:
        name = life.spec.name
        with refused(error, f"run of {name}"):
            await self._client().run(life.spec)
        await self._stands(name, "after a run that was refused")

    async def _run_nothing(self, name: str, life: Life) -> None:
        """Run a program that is not there: of what else is wrong either may be told."""
        errors = (AlreadyExistsError, NotFoundError, ConflictError, InvalidArgumentError)
        wrong = name in self._lives or self._missing(life) or self._port_is_taken(life)
        spec = replace(life.spec, command=("no-such-program-anywhere", "x"))
        with refused(errors if wrong else InvalidArgumentError, f"run of nothing as {name}"):
            await self._client().run(spec)

    async def _made(self, life: Life) -> None:
        now, wanted = self._now(), life.spec
        env, labels = dict(wanted.env), dict(wanted.labels)
        made = await self._client().run(replace(wanted, env=env, labels=labels))
        env["V"] = labels["spoilt"] = "by the caller"
        that(made.id not in self._ids, f"the id {made.id} is that of another container")
        self._ids.add(made.id)
        life.id = made.id
        self._take_ports_of(made, life, f"{wanted.name}, run")
        self._lives[wanted.name] = life
        self._grounds.lives.append(life)
        await self._begun(wanted.name, life, now)

    def _take_ports_of(self, made: Container, life: Life, about: str) -> None:
        """Those that it has: what ended at once has none any more."""
        if made.state is not State.EXITED:
            self._take_ports(made, life, about)

    async def _begun(self, name: str, life: Life, now: float) -> None:
        life.start(now)
        if self._world.virtual:
            life.advance(now)
        await self._speaks(name, life)

    async def _start(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None:
            with refused(NotFoundError, f"start of {name}, which is not there"):
                await self._client().start(name)
        elif life.state is State.EXITED:
            await self._started(name, life)
        elif life.lives:
            self._compare(await self._client().start(name), life, f"{name}, started as it runs")

    async def _started(self, name: str, life: Life) -> None:
        lacks, taken = not self._networks.issuperset(life.spec.networks), self._port_is_taken(life)
        if lacks or taken:
            error: Any = NotFoundError if lacks else ConflictError
            with refused((NotFoundError, ConflictError) if lacks and taken else error, name):
                await self._client().start(name)
            await self._stands(name, "after a start that was refused")
            return
        now = self._now()
        found = await self._client().start(name)
        self._take_ports_of(found, life, f"{name}, started")
        await self._begun(name, life, now)
        if self._world.virtual or life.due is None:
            self._compare(found, life, f"{name}, started")

    def _grace(self, life: Life | None) -> float:
        if self._world.virtual:
            return self._chance.choice(_GRACES)
        return _REAL_GRACES[life is not None and life.part.heeds < 1]

    async def _stop(self, name: str) -> None:
        life = self._lives.get(name)
        grace = self._grace(life)
        if life is None:
            with refused(NotFoundError, f"stop of {name}, which is not there"):
                await self._client().stop(name, grace=grace)
            return
        before = self._now()
        found = await self._client().stop(name, grace=grace)
        took = self._now() - before
        likely = min(grace, life.part.heeds) if life.lives else 0.0
        that(took < likely + self.slack, f"stop of {name} took {took} s")
        life.stop(grace)
        self._compare(found, life, f"{name}, stopped with a grace of {grace} s")

    async def _restart(self, name: str) -> None:
        life = self._lives.get(name)
        grace = 5.0 if self._world.virtual else self._grace(life)
        if life is None:
            with refused(NotFoundError, f"restart of {name}, which is not there"):
                await self._client().restart(name, grace=grace)
        elif self._networks.issuperset(life.spec.networks) and (
            life.state is not State.EXITED or not self._port_is_taken(life)
        ):
            found = await self._client().restart(name, grace=grace)
            life.stop(grace)
            self._take_ports_of(found, life, f"{name}, restarted")
            await self._begun(name, life, self._now())
            if self._world.virtual or life.due is None:
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
            self._grounds.lives = [one for one in self._grounds.lives if one is not life]

    # What changes one that runs.

    async def _pause(self, name: str) -> None:
        life = self._lives.get(name)
        verb = self._chance.choice(("pause", "pause", "unpause"))
        if life is None or not life.lives:
            await self._refused(name, life, getattr(self._client(), verb)(name), verb)
        elif life.due is None:
            life.pause(State.PAUSED if verb == "pause" else State.RUNNING)
            for _ in range(self._chance.choice((1, 1, 2))):
                found = await getattr(self._client(), verb)(name)
                self._compare(found, life, f"{name} after {verb}")

    async def _refused(self, name: str, life: Life | None, call: Any, about: str) -> None:
        """A call about what is not there, or does not run."""
        error = NotFoundError if life is None else ConflictError
        with refused(error, f"{about} of {name}"):
            await call
        await self._stands(name, f"after {about} that was refused")

    async def _stands(self, name: str, about: str) -> None:
        """Compare one with what it should be, where neither is just about to change."""
        await self._come_clear()
        found, life = await self._client().get(name), self._lives.get(name)
        equal(life is None, found is None, f"whether there is no {name} {about}")
        if found is not None and life is not None:
            self._compare(found, life, f"{name} {about}")

    async def _update(self, name: str) -> None:
        life = self._lives.get(name)
        held = self._drawing.life(name).resources if life is None else life.resources
        limits = self._drawing.limits(held, for_update=True)
        given = {field: value for field in limits.__slots__ if (value := getattr(limits, field))}
        if not given:
            return
        if life is None or not life.lives:
            await self._refused(name, life, self._client().update(name, **given), "update")
        elif life.state is State.RUNNING:
            await self._measured(name, life)
            if len(given) > 1 and self._chance.random() < 0.5:
                await self._updated_at_once(name, life, given)
            else:
                found = await self._client().update(name, **given)
                life.update(limits)
                self._compare(found, life, f"{name}, updated with {given}")
            await self._measured(name, life)

    async def _updated_at_once(self, name: str, life: Life, given: dict[str, Any]) -> None:
        """Two clients change a part of the limits each."""
        one, *others = given.items()
        halves = [dict([one]), dict(others)]
        await asyncio.gather(*(self._client().update(name, **half) for half in halves))
        for half in halves:
            life.update(Resources(**half))
        await self._stands(name, f"after updates with {halves} at once")

    async def _measured(self, name: str, life: Life) -> None:
        """See that its work did not fall, where the program asks for work at all."""
        if ContainersFeature.STATS in self._drawing.features and life.state is State.RUNNING:
            await self._sample(name)

    # What asks.

    async def _sample(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None or not life.lives:
            await self._refused(name, life, self._pipe().send(Sample(name)), "stats")
            return
        if life.state is State.PAUSED:
            return
        used = await self._pipe().send(Sample(name))
        before = self._worked.get((life.id, life.began), 0.0)
        that(used.cpu_seconds >= before, f"the work of {name} fell to {used.cpu_seconds} s")
        passed = self._now() - life.began + self.slack
        that(used.cpu_seconds <= 4 * passed, f"{name} worked {used.cpu_seconds} s in {passed} s")
        self._worked[life.id, life.began] = used.cpu_seconds
        that(used.memory_bytes > 0, f"{name} uses no memory")
        off = used.at - self._world.clock.wall()
        that(abs(off) < self.slack, f"a measurement of {name} is {off} s off")

    async def _exec(self, name: str) -> None:
        """A further command: how it ends, what it says and where, and whether in time."""
        life = self._lives.get(name)
        if life is None or life.state in _AT_REST:
            await self._refused(name, life, self._client().exec(name, sh("exit 0")), "exec")
            return
        if life.state is State.PAUSED:
            return
        code, word = self._chance.randrange(256), str(self._chance.randrange(10**6))
        done = await self._client().exec(name, sh(f"echo {word}; echo no {word} >&2; exit {code}"))
        said = (code, f"{word}\n".encode(), f"no {word}\n".encode(), False)
        equal(said, (done.exit_code, done.stdout, done.stderr, done.truncated), f"exec in {name}")
        odd = self._chance.random()
        if odd < 0.3:
            with refused(InvalidArgumentError, f"exec of what is not there in {name}"):
                await self._client().exec(name, ("no-such-program-anywhere",))
        elif odd < 0.5 and self._world.virtual:
            await self._exec_too_long(name, life)

    async def _exec_too_long(self, name: str, life: Life) -> None:
        await self._come_clear()
        if life.state is not State.RUNNING:
            return
        with refused(DeadlineExceededError, f"exec of what takes too long in {name}"):
            await self._client().exec(name, ("sleep", "9"), timeout=0.1)

    async def _wait(self, name: str) -> None:
        """Wait for an end that comes, or does not."""
        life = self._lives.get(name)
        if life is None:
            with refused(NotFoundError, f"wait for {name}, which is not there"):
                await self._client().wait(name, timeout=1)
            return
        comes = life.state is State.EXITED or life.policy.when.value == "never"
        before = self._now()
        if life.due is None or not comes:
            found = await self._client().wait(name, timeout=0.1)
            took = self._now() - before
            that(took < 0.1 + self.slack, f"a wait of 0.1 s for {name} took {took} s")
            early = took < 0.09 and found.state is not State.EXITED
            that(not early, f"a wait of 0.1 s for {name}, {found.state.value}, took {took} s")
            await self._come_clear()
            equal(life.state is State.EXITED, found.state is State.EXITED, f"{name}, waited for")
        else:
            found = await self._client().wait(name)
            life.advance(max(self._now(), life.due))
            self._compare(found, life, f"{name}, waited for")

    async def _ended_by_another(self, name: str) -> None:
        """Two wait for an end that another brings about, in one of three ways."""
        life = self._lives.get(name)
        if life is None or not life.lives or life.due is not None:
            return
        waits: list[Operation[Any, Container]] = [Rest(name, 600.0), Rest(name, 500.0)]
        tasks = [asyncio.ensure_future(self._pipe().send(op)) for op in waits]
        await self._world.sleep(0.05)
        await self._stop(name)
        ended, late = await asyncio.wait(tasks, timeout=2 * PATIENCE)
        for task in late:
            task.cancel()
        that(not late, f"who waits for {name}, which another stopped, is kept waiting")
        for task in ended:
            self._compare(task.result(), life, f"{name}, waited for while another stopped it")

    async def _follow(self, name: str) -> None:
        """Follow what one says over a restart, if it gets so far, until another stops it."""
        life = self._lives.get(name)
        if life is None or not life.lives or life.due is not None:
            return
        again = self._chance.random() < 0.5
        task = asyncio.ensure_future(self._followed(name))
        await self._world.sleep(0.3)
        least = len(life.said)
        if again:
            await self._restart(name)
        await self._stop(name)
        await asyncio.wait((task,), timeout=3 * PATIENCE)
        if not task.done():
            task.cancel()
            raise Broken(f"who follows {name} is kept waiting after its end")
        told = task.result()
        equal(life.said[: len(told)], told, f"what a follower of {name} was told")
        that(len(told) >= least, f"a follower of {name} missed a line of before the restart")
        if not again:
            equal(len(life.said), len(told), f"lines that a follower of {name} was told")

    async def _followed(self, name: str) -> list[str]:
        lines = self._client().logs(name, follow=True)
        return [line.text async for line in lines if line.stream.value == "stdout"]
