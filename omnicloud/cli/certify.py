"""``omnicloud certify``, which the compatibility kit brings."""

from __future__ import annotations

import importlib

import click

__all__ = ["certify"]


def _command() -> click.Command:
    try:
        kit = importlib.import_module("omnicloud_tck.cli")
    except ModuleNotFoundError as error:
        if error.name != "omnicloud_tck":
            raise
        return _missing
    command: click.Command = kit.certify
    return command


@click.command("certify", context_settings={"ignore_unknown_options": True})
@click.argument("providers", nargs=-1, type=click.UNPROCESSED)
def _missing(providers: tuple[str, ...]) -> None:
    """Hold PROVIDERS against the laws of their contracts (needs omnicloud-tck)."""
    raise click.UsageError("certify needs the compatibility kit: pip install omnicloud[tck]")


certify = _command()
