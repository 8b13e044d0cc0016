"""``plan placement --apply``: limits by the plan in running containers, also after a kill."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from omnicloud.cli.app import cli
from omnicloud.cloud import OmniCloud
from omnicloud.contracts.containers import Containers, ContainerSpec
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.containers import MemoryContainers
from omnicloud.memory.store import MemoryStore
from omnicloud.placement.engine.decide import decide
from omnicloud.placement.recommend import Advice, planned_limits
from omnicloud.placement.sources.fleet import read_fleet
from omnicloud.testing import LoopClock, run_virtual

IDLE = ("sleep", "3600")
FLEET = """
[[nodes]]
name = "n-1"
capacity = { cpu_cores = 4 }

[[workloads]]
name = "a"
node = "n-1"
request = { cpu_cores = 0.8 }
forecast = { cpu_cores = 0.1, memory_bytes = 4e7 }

[[workloads]]
name = "b"
node = "n-1"
request = { cpu_cores = 0.4 }

[[workloads]]
name = "absent"
request = { cpu_cores = 1 }

[[workloads]]
name = "Not A Container"
request = { cpu_cores = 1 }

[[workloads]]
name = "refused"
request = { cpu_cores = 3 }

[options]
refuse_impossible = true
"""


def fleet(folder: Path) -> Path:
    file = folder / "fleet.toml"
    file.write_text(FLEET)
    return file


def test_the_plan_gives_forecasts_or_requests_to_what_runs_and_has_a_place(tmp_path: Path) -> None:
    snapshot, options = read_fleet(fleet(tmp_path))
    decision = decide(snapshot, options)
    assert [one.workload for one in decision.refusals] == ["refused"]
    clock = LoopClock()

    async def main() -> tuple[tuple[Advice, ...], tuple[Advice, ...]]:
        containers = Containers(Pipeline(MemoryContainers(MemoryStore(clock), "c")), clock)
        for name in ("a", "b", "refused"):
            spec = ContainerSpec(name=name, command=IDLE, cpu=0.8, memory_bytes=64 << 20)
            await containers.run(spec)
        try:
            cores = await planned_limits(containers, snapshot, decision)
            return cores, await planned_limits(containers, snapshot, decision, "memory")
        finally:
            await containers.aclose()

    cores, memory = run_virtual(main())
    planned = {one.workload: (one.request, one.recommended) for one in cores}
    assert planned == {"a": (0.8, 0.1), "b": (0.8, 0.4)}
    (only,) = memory  # of no other workload the plan knows what it needs
    assert (only.workload, only.request, only.recommended) == ("a", 64 << 20, 4e7)


def test_apply_without_a_service_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    for said in (
        ("--apply", "60"),
        ("--service", "web"),
        ("--service", "web", "--apply", "0"),
        ("--memory",),
    ):
        done = CliRunner().invoke(cli, ["plan", "placement", str(tmp_path / "none.toml"), *said])
        assert done.exit_code == 2
        assert "--apply" in done.output


def test_what_a_killed_apply_changed_is_taken_back_even_where_the_next_plan_is_none(
    tmp_path: Path,
) -> None:
    from omnicloud_process.supervise.cgroups import permitted

    if not permitted():
        pytest.skip("no limits can be set on this machine")
    fleet(tmp_path)
    (tmp_path / "omnicloud.toml").write_text(
        '[services.web]\ncontract = "containers"\nprovider = "process"\n'
        f'path = "{tmp_path / "kept"}"\n'
    )
    asyncio.run(_killed_and_again(tmp_path))


async def _killed_and_again(folder: Path) -> None:
    async with OmniCloud(folder / "omnicloud.toml") as cloud:
        containers = cloud.containers("web")
        try:
            for name in ("a", "b"):
                await containers.run(ContainerSpec(name=name, command=IDLE, cpu=0.8))
            planning = await _plan(folder, "600")
            for _ in range(1200):  # as long as a starved machine needs to begin
                if planning.returncode is not None or await _limits(containers) != {0.8}:
                    break
                await asyncio.sleep(0.1)
            assert planning.returncode is None, await planning.communicate()
            planning.kill()
            await planning.wait()
            assert await _limits(containers) != {0.8}
            plan = (folder / "fleet.toml").read_text()
            (folder / "fleet.toml").write_text("no plan")
            wrong = await asyncio.to_thread(_with_no_plan, folder)
            assert "0.8 cores, taken back: the run that changed it was killed" in wrong
            assert await _limits(containers) == {0.8}
            (folder / "fleet.toml").write_text(plan)
            again = await _plan(folder, "0.1", "--json")
            said, _ = await again.communicate()
            assert again.returncode == 0, said
            told = {one["workload"]: one["reason"] for one in json.loads(said)["applied"]}
            assert told == {"a": "by the plan, its forecast", "b": "by the plan, its request"}
            assert await _limits(containers) == {0.1, 0.4}
        finally:
            for name in ("a", "b"):
                await containers.remove(name, force=True)


async def _limits(containers: Containers) -> set[float | None]:
    return {one.resources.cpu for one in await containers.list()}


def _with_no_plan(folder: Path) -> str:
    config, fleet = (str(folder / name) for name in ("omnicloud.toml", "fleet.toml"))
    journal = str(folder / ".omnicloud" / "limits-web.jsonl")
    asked = ["--config", config, "plan", "placement", fleet, "--service", "web", "--apply", "1"]
    done = CliRunner().invoke(cli, [*asked, "--journal", journal])
    assert done.exit_code == 2
    return done.output


async def _plan(folder: Path, watch: str, *more: str) -> asyncio.subprocess.Process:
    program = "from omnicloud.cli import main; main()"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "plan", "placement", "fleet.toml"),
        *("--service", "web", "--apply", watch, *more),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
