"""``omnicloud providers``: what is installed, and what it can do."""

from __future__ import annotations

import click

from omnicloud.cli.context import Context, json_flag, table
from omnicloud.config.load import load
from omnicloud.registry.discovery import Installed, Registry

__all__ = ["providers"]


@click.command()
@json_flag
@click.pass_obj
def providers(context: Context) -> None:
    """List installed providers, their contracts and features."""
    registry = Registry.discover(blocked=load(context.config).blocked)
    value = {
        "providers": [_as_json(name, one) for name, one in registry.providers.items()],
        "left_out": [
            {"plugin": one.plugin, "distribution": one.distribution, "reason": one.reason}
            for one in registry.failures
        ],
        "blocked": sorted(registry.blocked),
    }
    context.answer(value, _as_text(registry))


def _as_json(name: str, one: Installed) -> dict[str, object]:
    return {
        "name": name,
        "distribution": one.distribution,
        "version": one.version,
        "status": str(one.provider.status),
        "summary": one.provider.summary,
        "contracts": {
            contract: sorted(offer.declares)
            for contract, offer in sorted(one.provider.offers.items())
        },
    }


def _as_text(registry: Registry) -> str:
    rows = [
        (name, one.title, contract, ", ".join(sorted(offer.declares)))
        for name, one in registry.providers.items()
        for contract, offer in sorted(one.provider.offers.items())
    ]
    text = table(("provider", "from", "contract", "features"), rows)
    return "\n".join([text, *map(str, registry.failures)])
