"""``omnicloud recommend``: what each workload should ask for, out of what it used."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.cli.limits import applied, check_memory, journal_of, outcomes, undone
from omnicloud.cloud import OmniCloud
from omnicloud.core.durations import positive
from omnicloud.errors import InvalidArgumentError, OmniCloudError

if TYPE_CHECKING:
    from omnicloud.contracts.containers import Containers
    from omnicloud.placement.recommend import Advice, Applied, Limited, Policy
    from omnicloud.placement.sources import Recording

__all__ = ["recommend"]

_GIB = float(1 << 30)


@click.command()
@click.argument("usage", required=False, type=click.Path(path_type=Path))
@click.option("--service", help="Record the running containers of this service instead.")
@click.option("--prometheus", metavar="URL", help="Ask this server instead.")
@click.option("--for", "seconds", default=60.0, show_default=True, help="Seconds to record them.")
@click.option("--step", type=float, help="Seconds of a slot; 300, or 1 when recording.")
@click.option("--days", default=14.0, show_default=True, help="How far back usage counts.")
@click.option("--least-hours", type=float, help="Younger ones keep their request; 24, or 0 then.")
@click.option(
    "--apply",
    "watch",
    type=float,
    metavar="SECONDS",
    help="Change the CPU of the running containers, watch them so long, take back what hurts.",
)
@click.option(
    "--memory",
    is_flag=True,
    help="--apply changes memory limits, too; a program that outgrows its own is killed.",
)
@click.option(
    "--follow",
    "cores",
    type=float,
    metavar="CORES",
    help="Let the CPU limits of the running containers follow what they use, on a node with so "
    "many cores for them, until interrupted or for --for seconds; then give the old ones back.",
)
@click.option("--undo", is_flag=True, help="Only take back what a killed --apply had changed.")
@click.option(
    "--journal",
    type=click.Path(path_type=Path),
    help="Where --apply notes what limits were; .omnicloud/limits-SERVICE.jsonl by default.",
)
@json_flag
@click.pass_context
def recommend(
    ctx: click.Context,
    usage: Path | None,
    service: str | None,
    prometheus: str | None,
    seconds: float,
    step: float | None,
    days: float,
    least_hours: float | None,
    watch: float | None,
    memory: bool,
    cores: float | None,
    undo: bool,
    journal: Path | None,
) -> None:
    """Recommend CPU and memory requests from USAGE.

    That is a CSV or Parquet file. Its columns are time, workload, cpu_cores, memory_bytes,
    cpu_request and memory_request; amounts are in cores and bytes. Nothing is changed without
    --apply. A Prometheus server is asked with the token in OMNICLOUD_PROMETHEUS_TOKEN, where
    there is one.

    --apply and --follow take back first what an earlier one had changed that was killed.
    """
    context = ctx.ensure_object(Context)
    done: Sequence[Applied] = ()
    try:
        _check(usage, service, prometheus, watch=watch, cores=cores, undo=undo)
        check_memory(memory, watch)
        for value, option in ((seconds, "--for"), (step, "--step"), (watch, "--apply")):
            positive(1.0 if value is None else value, option)
        least = (0.0 if service else 24.0) if least_hours is None else least_hours
        policies = _policies(least * 3600)
        notes = journal_of(service, journal)
        if undo or watch is not None or cores is not None:
            done = asyncio.run(undone(context, str(service), notes))
        if cores is not None:
            given = ctx.get_parameter_source("seconds") is not ParameterSource.DEFAULT
            length = seconds if given else None
            pause = 1.0 if step is None else step
            _follow(context, str(service), cores, pause, length, notes, done)
            return
        if undo:
            context.answer({"undone": [asdict(one) for one in done]}, outcomes(done, "nothing"))
            return
        if service is not None:
            pause = 1.0 if step is None else step
            recording = asyncio.run(_recorded(context, service, seconds, pause))
        else:
            pause = 300.0 if step is None else step
            recording = _history(usage, prometheus, pause, days * 86_400)
        advice = _advice(recording, policies)
        if watch is not None:
            limits = _applied(context, str(service), advice, watch, notes, memory=memory)
            done = [*done, *asyncio.run(limits)]
    except OmniCloudError as error:
        click.echo(outcomes(done), err=True, nl=bool(done))
        context.fail(error)
    troubles = {trouble.value: count for trouble, count in recording.troubles().items()}
    told: dict[str, object] = {of: _json(several) for of, several in advice.items()}
    told["left_out"] = troubles
    if watch is not None:
        told["applied"] = [asdict(one) for one in done]
    text = _text(advice["cpu"], advice["memory"], troubles)
    context.answer(told, f"{text}\n{outcomes(done)}".rstrip())


def _follow(
    context: Context,
    service: str,
    cores: float,
    step: float,
    seconds: float | None,
    notes: Path,
    before: Sequence[Applied],
) -> None:
    from omnicloud.cli.following import followed, summary

    what = asyncio.run(followed(context, service, cores, step, seconds, notes))
    back = [asdict(one) for one in (*before, *what.undone)]
    told = {"steps": what.steps, "failed": what.failed, "changes": what.changes}
    text = "\n".join(filter(None, (outcomes((*before, *what.undone)), summary(what))))
    context.answer({"followed": told, "undone": back}, text)


def _check(
    usage: Path | None,
    service: str | None,
    prometheus: str | None,
    *,
    watch: float | None,
    cores: float | None,
    undo: bool,
) -> None:
    if sum(source is not None for source in (usage, service, prometheus)) != 1:
        raise InvalidArgumentError(
            "give one of a file of usage, --service and --prometheus",
            hint="omnicloud recommend usage.csv, or omnicloud recommend --service NAME --for 600",
        )
    changing = [watch is not None, cores is not None, undo]
    if service is None and any(changing):
        raise InvalidArgumentError(
            "--apply, --follow and --undo change running containers", hint="give --service"
        )
    if sum(changing) > 1:
        raise InvalidArgumentError(
            "give one of --apply, --follow and --undo", hint="--apply undoes what was left, too"
        )


def _history(usage: Path | None, prometheus: str | None, step: float, keep: float) -> Recording:
    from omnicloud.placement.sources import read_file, read_prometheus

    if usage is not None:
        return read_file(usage, step=step, keep=keep)
    token = os.environ.get("OMNICLOUD_PROMETHEUS_TOKEN")
    return asyncio.run(read_prometheus(str(prometheus), step=step, keep=keep, token=token))


async def _recorded(context: Context, service: str, seconds: float, step: float) -> Recording:
    from omnicloud.placement.sources import Recording, observe

    recording = Recording(step=step, keep=max(seconds, step) + step)
    async with OmniCloud(context.config) as cloud:
        await observe(cloud.containers(service), recording, seconds=seconds, interval=step)
    return recording


async def _applied(
    context: Context,
    service: str,
    advice: Mapping[Limited, Sequence[Advice]],
    watch: float,
    notes: Path,
    *,
    memory: bool,
) -> Sequence[Applied]:
    async def advised(_: Containers, of: Limited) -> Sequence[Advice]:
        return advice[of]

    return await applied(context, service, advised, watch, notes, memory=memory)


def _policies(least: float) -> tuple[Policy, Policy]:
    """For cores and for memory; made before anything is asked, as they may be wrong."""
    from omnicloud.placement.recommend import Policy

    both = Policy.cpu(), Policy.memory()
    return replace(both[0], least_seconds=least), replace(both[1], least_seconds=least)


def _advice(
    recording: Recording, policies: tuple[Policy, Policy]
) -> Mapping[Limited, Sequence[Advice]]:
    from omnicloud.placement.recommend import advise

    cpu, memory = policies
    return {
        "cpu": advise(recording.cpu.usage(), cpu),
        "memory": advise(recording.memory.usage(), memory),
    }


def _json(advice: Sequence[Advice]) -> list[dict[str, object]]:
    return [
        {
            "workload": one.workload,
            "request": one.request,
            "peak": _known(one.peak),
            "forecast": _known(one.forecast),
            "recommended": one.recommended,
            "saving": one.saving,
            "known_days": one.known_days,
            "reason": one.reason,
        }
        for one in advice
    ]


def _known(value: float) -> float | None:
    return value if value == value else None  # noqa: PLR0124 - NaN is not itself


def _text(cpu: Sequence[Advice], memory: Sequence[Advice], troubles: dict[str, int]) -> str:
    headings = ("workload", "resource", "request", "forecast", "recommended", "saving", "reason")
    rows = [_row(one, "cores", 1.0) for one in cpu] + [_row(one, "GiB", _GIB) for one in memory]
    lines = [table(headings, rows) if rows else "no workloads", "", _total(cpu, "cores", 1.0)]
    lines += [_total(memory, "GiB", _GIB)]
    lines += [f"left out: {count} samples: {why}" for why, count in troubles.items()]
    return "\n".join(lines)


def _row(one: Advice, unit: str, size: float) -> tuple[str, ...]:
    amounts = (one.request, one.forecast, one.recommended, one.saving)
    told = ["-" if _known(value) is None else f"{value / size:.3g}" for value in amounts]
    return (one.workload, unit, *told, one.reason)


def _total(advice: Sequence[Advice], unit: str, size: float) -> str:
    asked = sum(one.request for one in advice)
    saved = sum(one.saving for one in advice)
    share = saved / asked if asked else 0.0
    return f"{unit}: {asked / size:.4g} asked, {saved / size:.4g} could be freed ({share:.0%})"
