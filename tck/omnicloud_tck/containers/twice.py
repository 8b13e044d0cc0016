"""The laws of containers that two run at almost the same time, and of what is told about them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from omnicloud.contracts.containers import ContainersFeature, ContainerSpec, Mount
from omnicloud.errors import AlreadyExistsError, InvalidArgumentError, OmniCloudError
from omnicloud_tck.check import equal, that
from omnicloud_tck.containers.bench import IDLE, Bench, sh, spec
from omnicloud_tck.law import Rung, law
from omnicloud_tck.telling import everything, refusal
from omnicloud_tck.world import World

__all__ = ["TwiceLaws"]

_TURNS = (1, 2, 3, 4, 6)  # of the loop, by which one run is behind the other
_FEW = (1, 4)  # where a container costs
_MISSING: tuple[tuple[ContainersFeature, dict[str, Any]], ...] = (
    (ContainersFeature.IMAGES, {"image": "omnicloud-tck/missing:1"}),
    (ContainersFeature.VOLUMES, {"mounts": (Mount("missing", "/data"),)}),
    (ContainersFeature.NETWORKS, {"networks": ("missing",)}),
)
_SECRET = "canary-5b1e77"  # noqa: S105 - no secret but what stands for one


class TwiceLaws(Bench):
    """A name is taken once, and what is run is nobody else's business."""

    @law(
        "CON-100",
        "Of two runs of one name, one a little behind the other, one is done and stays.",
        rung=Rung.CONCURRENCY,
    )
    async def one_of_two_runs(self, world: World[Any]) -> None:
        clients = [await self.portable(world) for _ in range(2)]
        for turns in _TURNS if world.virtual else _FEW:
            running: list[asyncio.Future[Any]] = []
            for number, containers in enumerate(clients):
                wanted = spec(f"n-{turns}", f"exit {number}")
                running.append(asyncio.ensure_future(containers.run(wanted)))
                for _ in range(turns):
                    await asyncio.sleep(0)
            ended = await asyncio.gather(*running, return_exceptions=True)
            won = [n for n, end in enumerate(ended) if not isinstance(end, AlreadyExistsError)]
            equal(1, len(won), f"runs done, the second {turns} turns behind the first")
            found = await self.ended(clients[0], f"n-{turns}")
            made: Any = ended[won[0]]
            equal((made.id, won[0]), (found.id, found.exit_code), "the one that was done, and ran")

    @law(
        "CON-101",
        "Neither variables nor arguments nor output of a container are logged, or told in errors.",
        rung=Rung.TRUST,
    )
    async def nothing_is_told(self, world: World[Any]) -> None:
        told = _Told()
        root = logging.getLogger()
        level = root.level
        root.addHandler(told)
        root.setLevel(logging.DEBUG)
        try:
            errors = await self._lives(world)
        finally:
            root.removeHandler(told)
            root.setLevel(level)
        that(_SECRET not in told.text, "what a container was run with, or said, is logged")
        for error in errors:
            that(_SECRET not in everything(error), "what it was run with is told in an error")

    async def _lives(self, world: World[Any]) -> list[OmniCloudError]:
        """A container's life with what is secret in every place that has room for it."""
        containers = await self.portable(world)
        variables = {"TOKEN": _SECRET}
        wanted = spec("told", f'echo "$TOKEN" {_SECRET}; {IDLE}', env=variables)
        await self.begun(containers, wanted)
        errors = [await refusal(containers.run(wanted), "a second run of a name")]
        nothing = ContainerSpec(
            name="nothing", command=("no-such-program-anywhere", _SECRET), env=variables
        )
        errors.append(await refusal(containers.run(nothing), "a program that is not there"))
        that(isinstance(errors[-1], InvalidArgumentError), f"told as {type(errors[-1]).__name__}")
        equal(f"{_SECRET} {_SECRET}", (await self.texts(containers, "told"))[0], "what it said")
        pipe: Any = await world.pipeline()
        features = pipe.driver.features
        for feature, more in _MISSING:
            if feature in features:
                lacking = spec("lacking", _SECRET, env=variables, **more)
                errors.append(await refusal(containers.run(lacking), f"without its {feature}"))
        if ContainersFeature.EXEC in features:
            said = await containers.exec("told", sh(f'echo "$TOKEN" {_SECRET}'))
            equal(0, said.exit_code, "a further command")
            late = containers.exec("told", sh(f"sleep 30; echo {_SECRET}"), timeout=0.5)
            errors.append(await refusal(late, "a command that takes too long"))
        await containers.stop("told", grace=5)
        await containers.remove("told")
        return errors


class _Told(logging.Handler):
    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + repr(record.args)
