"""``omnicloud completion``: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from omnicloud.cli.context import Context, json_flag

__all__ = ["completion"]

_VARIABLE = "_OMNICLOUD_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_flag
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    For bash, put  eval "$(omnicloud completion bash)"  into ~/.bashrc.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}")
    script = kind(ctx.find_root().command, {}, "omnicloud", _VARIABLE).source()
    context = ctx.find_object(Context) or Context()
    context.answer({"shell": shell, "script": script}, script)
