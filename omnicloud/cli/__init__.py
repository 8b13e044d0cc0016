"""The command ``omnicloud``, for people; needs the extra ``cli``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command; without its libraries say how to get them and exit with 2."""
    try:
        from omnicloud.cli.app import cli
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write("the command needs more: pip install omnicloud[cli]\n")
        raise SystemExit(2) from None
    cli.main(prog_name="omnicloud")
