"""``omnicloud energy``: what running containers draw, in watts and grams of CO2."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.cloud import OmniCloud
from omnicloud.errors import OmniCloudError

if TYPE_CHECKING:
    from omnicloud.placement.energy.accounts import Account, Accounts
    from omnicloud.placement.energy.figures import Figure
    from omnicloud.placement.energy.watching import ServerPower

__all__ = ["energy"]

_JOULES_PER_WH = 3600.0


@click.command()
@click.option("--service", required=True, help="A containers service whose engine is this host's.")
@click.option("--for", "seconds", default=60.0, show_default=True, help="Seconds to measure.")
@click.option("--step", default=1.0, show_default=True, help="Seconds of an interval.")
@click.option("--idle-watts", type=float, help="Of this host with nothing to do.")
@click.option("--full-watts", type=float, help="Of this host with all cores busy.")
@click.option("--pue", default=1.0, show_default=True, help="Power of the site by its servers'.")
@click.option("--grams-per-kwh", type=float, help="gCO2e of the grid; without it none are told.")
@json_flag
@click.pass_obj
def energy(
    context: Context,
    service: str,
    seconds: float,
    step: float,
    idle_watts: float | None,
    full_watts: float | None,
    pue: float,
    grams_per_kwh: float | None,
) -> None:
    """Measure or estimate what the containers of a service draw.

    Where the host shows RAPL counters (as root), its power is measured; else it is estimated from
    the load, by --idle-watts and --full-watts or by averages of cloud servers.
    """
    from omnicloud.placement.energy.accounts import Accounts
    from omnicloud.placement.energy.site import assumed_pue

    try:
        power = _power(idle_watts, full_watts)
        site = assumed_pue(pue, "--pue")
        accounts = Accounts(service, power.cores, pue=site, grams_per_kwh=grams_per_kwh)
        drawn = asyncio.run(_watched(context, service, accounts, power, seconds, step))
    except OmniCloudError as error:
        context.fail(error)
    told = accounts.told()
    answer = {
        "server_watts": drawn.value,
        "basis": drawn.basis.value,
        "how": drawn.how,
        "workloads": {name: _json(accounts, one) for name, one in told.items()},
    }
    context.answer(answer, f"{_text(accounts, told)}\n\nthis host: {drawn}")


def _power(idle: float | None, full: float | None) -> ServerPower:
    from omnicloud.placement.energy.power import ICE_LAKE_WATTS_PER_VCPU, PowerCurve
    from omnicloud.placement.energy.sensors import Rapl
    from omnicloud.placement.energy.watching import ServerPower

    if (idle is None) is not (full is None):
        raise click.UsageError("--idle-watts and --full-watts go together")
    cores = float(os.cpu_count() or 1)
    if idle is None or full is None:
        curve = PowerCurve.linear(cores, *ICE_LAKE_WATTS_PER_VCPU, "averages of cloud servers")
    else:
        curve = PowerCurve((0.0, 1.0), (idle, full), "--idle-watts and --full-watts")
    return ServerPower(cores, curve, Rapl.find())


async def _watched(
    context: Context,
    service: str,
    accounts: Accounts,
    power: ServerPower,
    seconds: float,
    step: float,
) -> Figure:
    from omnicloud.placement.energy.sensors import HostLoad
    from omnicloud.placement.energy.watching import watch_energy

    async with OmniCloud(context.config) as cloud:
        return await watch_energy(
            cloud.containers(service),
            accounts,
            power,
            seconds=seconds,
            interval=step,
            load=HostLoad(),
        )


def _json(accounts: Accounts, one: Account) -> dict[str, object]:
    return {
        "watts": one.watts,
        "joules": one.joules,
        "gco2e": accounts.grams(one),
        "basis": one.basis.value,
    }


def _text(accounts: Accounts, told: dict[str, Account]) -> str:
    rows = []
    for name, one in told.items():
        grams = accounts.grams(one)
        emitted = "-" if grams is None else f"{grams:.3g}"
        watt_hours = f"{one.joules / _JOULES_PER_WH:.3g}"
        rows.append((name, f"{one.watts:.3g}", watt_hours, emitted, one.basis.value))
    return table(("workload", "W now", "Wh", "gCO2e", "basis"), rows)
