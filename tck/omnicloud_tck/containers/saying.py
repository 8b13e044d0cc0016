"""Laws of logs."""

from __future__ import annotations

import asyncio
from typing import Any

from omnicloud.contracts.containers import (
    ContainersFeature,
    ContainerSpec,
    RestartPolicy,
    RestartWhen,
    Stream,
)
from omnicloud_tck.check import equal, that
from omnicloud_tck.containers.bench import IDLE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.world import World

__all__ = ["LogLaws"]

_ROUNDS, _LINES = 30, 60
_PAD = "x" * 200
_MANY = (
    f"for i in $(seq 1 {_ROUNDS}); do for j in $(seq 1 {_LINES}); do "
    f"echo $i-$j-{_PAD}; done; sleep 0.05; done"
)
_ODD = r"printf 'caf\351\n\n\001\177 x\n'"
_ODD_LINES = [b"caf\xe9", b"", b"\x01\x7f x"]


class LogLaws(Bench):
    """What a program wrote is told: all of it, once, in order."""

    @law("CON-020", "Every line of each stream is told once, in its order, as what it is.")
    async def lines_are_whole(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        script = (
            "for i in $(seq 1 1500); do echo out-$i; done; "
            "for i in $(seq 1 700); do echo err-$i >&2; done"
        )
        await containers.run(spec("many", script))
        await self.ended(containers, "many")
        lines = await self.lines(containers, "many")
        for stream, word, count in ((Stream.STDOUT, "out", 1500), (Stream.STDERR, "err", 700)):
            texts = [line.text for line in lines if line.stream is stream]
            equal([f"{word}-{number}" for number in range(1, count + 1)], texts, stream.value)
        equal(2200, len(lines), "lines of both streams")
        stamps = [line.at for line in lines if line.stream is Stream.STDOUT]
        that(stamps == sorted(stamps), "the stamps of a stream fall")
        that(abs(stamps[0] - world.clock.wall()) < 60, "a stamp is not of its moment")

    @law("CON-021", "Lines are told byte for byte, empty and long ones too.")
    async def lines_are_byte_exact(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        long = min(40_000, containers.pipeline.driver.limits.spec_max_bytes - len("echo"))
        for number, text in enumerate(("", " lead and trail ", "ünï€😀", "a\tb", "z" * long)):
            await containers.run(ContainerSpec(name=f"l{number}", command=("echo", text)))
            await self.ended(containers, f"l{number}")
            told = [line.data for line in await self.lines(containers, f"l{number}")]
            equal([text.encode()], told, f"line {number}")

    @law(
        "CON-022",
        "A follower is told every line as it comes, over rotations too, and ends with the program.",
        rung=Rung.CONCURRENCY,
    )
    async def followers_miss_nothing(self, world: World[Any]) -> None:
        containers, other = await self.portable(world), await self.portable(world)
        await containers.run(spec("flood", _MANY))
        async with asyncio.timeout(50):
            one, two = await asyncio.gather(_follow(containers), _follow(other))
        expected = [f"{i}-{j}" for i in range(1, _ROUNDS + 1) for j in range(1, _LINES + 1)]
        equal(expected, one, "what the first follower was told")
        equal(expected, two, "what the second follower was told")

    @law("CON-023", "A follower is told a line while the program goes on.")
    async def followers_are_told_at_once(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("slow", "sleep 0.6; " + IDLE))
        before = world.clock.monotonic()
        await self.ready(containers, "slow")
        passed = world.clock.monotonic() - before
        that(passed < 6, f"a line of a running program was told after {passed:.1f} s")
        await containers.stop("slow", grace=5)

    @law("CON-024", "The lines of earlier runs stay, before those of later ones.")
    async def runs_follow_each_other(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        await containers.run(spec("thrice", "echo begin; echo end; exit 0"))
        for _ in range(2):
            await self.ended(containers, "thrice")
            await containers.start("thrice")
        await self.ended(containers, "thrice")
        equal(["begin", "end"] * 3, await self.texts(containers, "thrice"), "three runs")

    @law(
        "CON-162",
        "Bytes that are no text, and a last line without an end, are told as they were written.",
    )
    async def bytes_are_told(self, world: World[Any]) -> None:
        containers = await self.portable(world)
        script = f"{_ODD}; printf 'no \\377 end' >&2; printf last; exit 1"
        policy = RestartPolicy(RestartWhen.ON_FAILURE, most=1)
        await containers.run(spec("odd", script, restart=policy))
        await self.ended(containers, "odd")
        lines = await self.lines(containers, "odd")
        for stream, expected in (
            (Stream.STDOUT, [*_ODD_LINES, b"last"]),
            (Stream.STDERR, [b"no \xff end"]),
        ):
            told = [line.data for line in lines if line.stream is stream]
            equal(expected * 2, told, f"two runs on {stream.value}")
        if ContainersFeature.EXEC in (await world.driver()).features:
            await self.begun(containers, spec("host", IDLE))
            said = await containers.exec("host", sh(f"{_ODD}; printf last; printf '\\351' >&2"))
            whole = b"".join(line + b"\n" for line in _ODD_LINES) + b"last"
            equal((whole, b"\xe9"), (said.stdout, said.stderr), "what a further command wrote")


async def _follow(containers: Any) -> list[str]:
    return [
        line.text.rpartition("-")[0]
        async for line in containers.logs("flood", follow=True)
        if line.text
    ]
