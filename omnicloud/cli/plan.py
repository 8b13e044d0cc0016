"""``omnicloud plan``: what the configuration comes to, with nothing opened."""

from __future__ import annotations

import click

from omnicloud.cli.context import Context, json_option
from omnicloud.config.load import load
from omnicloud.errors import OmniCloudError
from omnicloud.registry.discovery import Registry
from omnicloud.resolver.plan import Plan
from omnicloud.resolver.planner import make_plan

__all__ = ["plan", "planned"]


def planned(context: Context) -> Plan:
    """The plan of the chosen configuration; ends the command with 2 where it is wrong."""
    try:
        config = load(context.config)
        return make_plan(config, Registry.discover(blocked=config.blocked))
    except OmniCloudError as error:
        context.fail(error)


@click.command()
@click.option("--json", is_flag=True, expose_value=False, callback=json_option, is_eager=True)
@click.pass_obj
def plan(context: Context) -> None:
    """Show what would be opened, or every mistake at once. Opens nothing."""
    made = planned(context)
    context.answer(made.as_json(), made.render())
