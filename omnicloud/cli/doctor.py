"""``omnicloud doctor``: open every service, ask it, and say what is not well."""

from __future__ import annotations

import asyncio
import platform
from importlib.metadata import version

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.cli.plan import planned
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.errors import OmniCloudError
from omnicloud.resolver.build import Services
from omnicloud.resolver.health import Health, check, told_briefly
from omnicloud.resolver.plan import Plan, ServicePlan

__all__ = ["doctor"]

_ANY = "any other name"
_CONTRACT = "kv"


@click.command()
@click.option(
    "--write",
    "writes",
    is_flag=True,
    help="Write to kv, cache, objects and locks too, as omnicloud.health, and remove it.",
)
@json_flag
@click.pass_obj
def doctor(context: Context, writes: bool) -> None:
    """Check the configuration, then open and ask every service. Exit code 1: one is not well."""
    plan = planned(context)
    results = asyncio.run(_examined(plan, writes))
    value = {
        "versions": _versions(plan),
        "services": [result.as_json() for result in results],
        "healthy": all(result.healthy for result in results),
    }
    context.answer(value, _as_text(value["versions"], results))
    if not value["healthy"]:
        raise SystemExit(1)


async def _examined(plan: Plan, writes: bool) -> tuple[Health, ...]:
    services = Services(plan)
    failed = []
    try:
        for service in plan.services:
            try:
                await services.start_one(service)
            except OmniCloudError as error:
                failed.append(_unopened(service, error))
        if plan.default is not None and _CONTRACT in plan.default.installed.provider.offers:
            services.pipeline(_ANY, _CONTRACT)
        asked = await check(services.running(), SYSTEM_CLOCK, writes=writes)
    finally:
        await services.aclose(quietly=True)
    return tuple(sorted([*failed, *asked], key=lambda one: one.service))


def _unopened(service: ServicePlan, error: OmniCloudError) -> Health:
    info = service.info
    return Health(info.name, info.contract, info.provider, False, False, 0.0, told_briefly(error))


def _versions(plan: Plan) -> dict[str, str]:
    """Versions of what runs: Python, the core, and the distribution of each provider used."""
    providers = [one.installed for one in plan.services]
    if plan.default is not None:
        providers.append(plan.default.installed)
    used = {one.distribution: one.version for one in providers}
    return {"python": platform.python_version(), "omnicloud": version("omnicloud"), **used}


def _answer(one: Health) -> str:
    if one.pinged:
        return f"{one.seconds * 1000:.1f} ms"
    return "opened" if one.healthy else "not opened"


def _as_text(versions: object, results: tuple[Health, ...]) -> str:
    rows = [
        (
            one.service,
            one.contract,
            one.provider,
            "well" if one.healthy else "NOT WELL",
            _answer(one),
            one.detail,
        )
        for one in results
    ]
    headings = ("service", "contract", "provider", "health", "answer", "detail")
    known = versions.items() if isinstance(versions, dict) else ()
    head = ", ".join(f"{name} {number}" for name, number in known)
    return f"{head}\n{table(headings, rows) if rows else 'no service is configured'}"
