"""Laws of how containers begin, end, and go."""

from __future__ import annotations

from typing import Any

from omnicloud.contracts.containers import ContainerSpec, RestartPolicy, RestartWhen, State
from omnicloud.errors import AlreadyExistsError, ConflictError, NotFoundError
from omnicloud_tck.check import each, equal, refused, that
from omnicloud_tck.containers.bench import DEAF, PATIENCE, POLITE, Bench, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LifeLaws"]

_KILLED = 137


class LifeLaws(Bench):
    """Run, end, stop, start, remove."""

    @law(
        "CON-001",
        "A container runs its program, and ends with the program's exit code.",
        rung=Rung.SHAPE,
    )
    async def exit_codes_are_kept(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        for code in (0, 1, 3, 127, 255):
            await containers.run(spec(f"code-{code}", f"exit {code}"))
        for code in (0, 1, 3, 127, 255):
            equal(code, (await self.ended(containers, f"code-{code}")).exit_code, "the exit code")
        made = await self.begun(containers, spec("lasting"))
        equal(State.RUNNING, made.state, "a container just made")
        found = await self.alive(containers, "lasting", "a program that goes on")
        equal(None, found.exit_code, "the exit code of what runs")
        equal(made.id, found.id, "the id")
        that(abs(found.started_at - world.clock.wall()) < PATIENCE, "started_at is not its start")

    @law(
        "CON-002",
        "Of a container that is not there get answers None, remove False, the rest NotFoundError.",
        rung=Rung.SHAPE,
    )
    async def what_is_missing_is_told(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("there"))
        equal(None, await containers.get("ther"), "get")
        equal(False, await containers.remove("ther", force=True), "remove")
        for number, call in enumerate(
            each(
                containers.start("ther"),
                containers.stop("ther", grace=0),
                containers.restart("ther", grace=0),
                containers.wait("ther", timeout=0),
                _read(containers.logs("ther")),
            )
        ):
            with refused(NotFoundError, f"verb {number} on a missing container"):
                await call
        await self.alive(containers, "there", "the neighbour")

    @law("CON-003", "A name that is taken is refused, and what has it goes on, ended or not.")
    async def names_are_taken_once(self, world: World[Any]) -> None:
        one, two = await self.portable(world), await self.portable(world)
        made = await self.begun(one, spec("taken"))
        for script in ("exit 3", POLITE):
            with refused(AlreadyExistsError, "a second container of the name"):
                await two.run(spec("taken", script))
        equal(made.id, (await self.alive(one, "taken", "the first")).id, "its id")
        await one.stop("taken", grace=5)
        with refused(AlreadyExistsError, "a container of the name of one that has ended"):
            await two.run(spec("taken"))
        equal(True, await two.remove("taken"), "remove")
        await self.begun(one, spec("taken"))

    @law("CON-004", "Stop gives a program TERM, and lets it end by itself within the grace.")
    async def stop_lets_programs_end(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("polite", POLITE))
        before = world.clock.monotonic()
        stopped = await containers.stop("polite", grace=PATIENCE)
        equal(State.EXITED, stopped.state, "after stop")
        equal(7, stopped.exit_code, "the exit code of a program that ended itself on TERM")
        equal("bye", (await self.texts(containers, "polite"))[-1], "its last words")
        that(world.clock.monotonic() - before < PATIENCE - 5, "stop waited for the whole grace")

    @law("CON-005", "What does not end on TERM is killed when the grace has passed, not before.")
    async def stop_kills_after_the_grace(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("deaf", DEAF))
        before = world.clock.monotonic()
        stopped = await containers.stop("deaf", grace=1.2)
        passed = world.clock.monotonic() - before
        equal((State.EXITED, _KILLED), (stopped.state, stopped.exit_code), "after the grace")
        that(passed >= 1.1, f"killed after {passed:.2f} s of a grace of 1.2 s")
        that(passed < 1.2 + 8, f"killed only after {passed:.2f} s")

    @law("CON-006", "What has ended is started again, and what runs is restarted, with its name.")
    async def containers_start_again(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        made = await self.begun(containers, spec("again", POLITE))
        await containers.stop("again", grace=10)
        equal(State.EXITED, (await containers.stop("again", grace=10)).state, "stop twice")
        equal(State.RUNNING, (await containers.start("again")).state, "after start")
        await self._says(containers, ["ready", "bye", "ready"], world)
        again = await containers.start("again")
        equal((made.id, State.RUNNING), (again.id, again.state), "start of what runs")
        await containers.restart("again", grace=10)
        await self._says(containers, ["ready", "bye"] * 2 + ["ready"], world)
        await containers.stop("again", grace=10)
        equal(State.RUNNING, (await containers.restart("again")).state, "restart of what ended")

    async def _says(self, containers: Any, expected: list[str], world: World[Any]) -> None:
        for _ in range(100):
            said = await self.texts(containers, "again")
            if said == expected:
                return
            await world.sleep(0.1)
        equal(expected, said, "what its runs said")

    @law("CON-007", "Remove refuses what has not ended, unless forced, and frees the name.")
    async def remove_asks_for_an_end(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("kept", DEAF))
        with refused(ConflictError, "remove of what runs"):
            await containers.remove("kept")
        await self.alive(containers, "kept", "after a refused remove")
        equal(True, await containers.remove("kept", force=True), "remove by force")
        equal(None, await containers.get("kept"), "after remove")
        equal((), await containers.list(), "the list after remove")
        await containers.run(spec("kept", "echo new; exit 0"))
        await self.ended(containers, "kept")
        equal(["new"], await self.texts(containers, "kept"), "the logs of a new container")
        equal(True, await containers.remove("kept"), "remove of what ended")

    @law("CON-008", "A program gets its arguments and its environment as they were given.")
    async def commands_arrive_whole(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        words = ("a  b", "$HOME", "it's", '"quoted"', "ünï€😀", ";", "*", "")
        await containers.run(ContainerSpec(name="words", command=("echo", *words)))
        await self.ended(containers, "words")
        equal([" ".join(words)], await self.texts(containers, "words"), "what echo was given")
        await containers.run(ContainerSpec(name="lines", command=("echo", "one\ntwo", "three\n")))
        await self.ended(containers, "lines")
        equal(["one", "two three", ""], await self.texts(containers, "lines"), "arguments of lines")
        env = {
            "ONE": "1  2 'three' $FOUR",
            "EMPTY": "",
            "UNI": "ü€😀",
            "SET": "=a=b==c=",
            "PEM": "a\nb\n\nc",
        }
        await containers.run(spec("env", 'echo "<$ONE|$EMPTY|$UNI|$SET>"; echo "$PEM"', env=env))
        await self.ended(containers, "env")
        expected = "<1  2 'three' $FOUR||ü€😀|=a=b==c=>"
        lines = [expected, "a", "b", "", "c"]
        equal(lines, await self.texts(containers, "env"), "its environment")

    @law("CON-163", "A program begins in the directory that was given, in each of its runs.")
    async def programs_begin_where_they_should(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        policy = RestartPolicy(RestartWhen.ON_FAILURE, most=1)
        where = 'echo "$PWD"; exit 1'
        await containers.run(spec("there", where, working_dir="/tmp", restart=policy))  # noqa: S108 - every image has it
        await self.ended(containers, "there")
        await containers.start("there")
        await self.ended(containers, "there")
        equal(["/tmp"] * 4, await self.texts(containers, "there"), "where it began")  # noqa: S108

    @law("CON-009", "Waiting for the end answers when it comes, or when the time is over.")
    async def waiting_is_bounded(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await self.begun(containers, spec("lasting"))
        before = world.clock.monotonic()
        found = await containers.wait("lasting", timeout=0.6)
        passed = world.clock.monotonic() - before
        equal(State.RUNNING, found.state, "what goes on")
        that(0.5 <= passed < 5, f"a wait of 0.6 s took {passed:.2f} s")
        await containers.run(spec("short", "sleep 1; exit 4"))
        before = world.clock.monotonic()
        equal(4, (await containers.wait("short", timeout=15)).exit_code, "what ends meanwhile")
        that(world.clock.monotonic() - before < 10, "the wait went on after the end")


async def _read(stream: Any) -> None:
    async for _ in stream:
        pass
