"""The group of all commands; each is imported when it is asked for."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import click

from omnicloud.cli.context import Context, config_option
from omnicloud.config.problems import did_you_mean

__all__ = ["COMMANDS", "cli"]

COMMANDS: Mapping[str, str] = {
    "certificate": "omnicloud.cli.kit:certificate",
    "certify": "omnicloud.cli.kit:certify",
    "completion": "omnicloud.cli.completion:completion",
    "copy": "omnicloud.cli.copy:copy_",
    "doctor": "omnicloud.cli.doctor:doctor",
    "energy": "omnicloud.cli.energy:energy",
    "init": "omnicloud.cli.init:init",
    "kv": "omnicloud.cli.kv:kv",
    "messages": "omnicloud.cli.messages:messages",
    "objects": "omnicloud.cli.objects:objects",
    "plan": "omnicloud.cli.plan:plan",
    "providers": "omnicloud.cli.providers:providers",
    "recommend": "omnicloud.cli.recommend:recommend",
    "secrets": "omnicloud.cli.secrets:secrets",
    "swap-check": "omnicloud.cli.kit:swap_check",
}
"""Where each command is; a new one is one line here."""


# A command tells its errors itself; what the library logs of the same calls would come twice.
logging.getLogger("omnicloud.calls").addHandler(logging.NullHandler())

_WITHOUT_CONFIGURATION = ("certificate", "certify", "completion", "swap-check")
_CONFIG = "Configuration file; by default omnicloud.toml is looked for."


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        if cmd_name not in _WITHOUT_CONFIGURATION:
            _take_config(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no command {args[0]!r}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


def _take_config(command: click.Command) -> None:
    """Let ``--config`` stand behind the command's name too, as ``--json`` may."""
    if any(one.name == "config" for one in command.params):
        return
    path = click.Path(path_type=Path)
    option = click.Option(
        ["--config"], type=path, expose_value=False, callback=config_option, help=_CONFIG
    )
    command.params.append(option)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _take_config(inner)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help=_CONFIG,
)
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")
@click.version_option(package_name="omnicloud")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, as_json: bool) -> None:
    """Plan, check and use the services of an omnicloud.toml.

    Exit codes: 0 well, 1 a service is not well, 2 the configuration or the command is wrong.
    """
    ctx.obj = Context(config, as_json)
