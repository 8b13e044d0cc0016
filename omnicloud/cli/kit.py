"""The commands that the compatibility kit brings: certify, certificate, swap-check."""

from __future__ import annotations

import importlib

import click

__all__ = ["certificate", "certify", "swap_check"]


def _command(name: str, where: str) -> click.Command:
    module, _, attribute = where.partition(":")
    try:
        command: click.Command = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name != "omnicloud_tck":
            raise
        return _missing(name)
    return command


def _missing(name: str) -> click.Command:
    @click.command(name, context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def missing(arguments: tuple[str, ...]) -> None:
        """Not there: it needs omnicloud-tck."""
        raise click.UsageError(f'{name} needs the compatibility kit: pip install "omnicloud[tck]"')

    return missing


certify = _command("certify", "omnicloud_tck.cli:certify")
certificate = _command("certificate", "omnicloud_tck.certificates.commands:certificate")
swap_check = _command("swap-check", "omnicloud_tck.swap.commands:swap_check")
