"""What the class that users of containers hold does before anything is sent."""

from __future__ import annotations

from omnicloud.contracts.containers import Containers, ContainerSpec
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.testing.virtual import LoopClock, run_virtual


def test_what_a_caller_changes_after_a_run_is_not_the_container_s() -> None:
    env, labels = {"V": "first"}, {"app": "one"}
    command = ["sh", "-c", "echo $V"]

    async def started_again() -> tuple[list[str], dict[str, str]]:
        clock = LoopClock()
        containers = Containers(Pipeline(MemoryContainers(MemoryStore(clock))), clock)
        spec = ContainerSpec(name="web", command=command, env=env, labels=labels)  # type: ignore[arg-type]  # a list serves
        await containers.run(spec)
        env["V"], labels["app"] = "second", "two"
        command[2] = "echo third"
        found = await containers.start("web")
        return [line.text async for line in containers.logs("web")], dict(found.labels)

    assert run_virtual(started_again()) == (["first", "first"], {"app": "one"})
