"""The command ``omnicloud``, for people; needs the extra ``cli``."""

from __future__ import annotations

import errno
import sys

__all__ = ["main"]

_EXTRAS = {"numpy": "placement"}
"""What single commands import, and the extra that brings it."""


def main() -> None:
    """Run the command; without its libraries say how to get them and exit with 2."""
    try:
        from omnicloud.cli.app import cli
    except ModuleNotFoundError as error:
        if error.name not in ("click", "rich"):
            raise
        sys.stderr.write('the command needs more: pip install "omnicloud[cli]"\n')
        raise SystemExit(2) from None
    try:
        cli.main(prog_name="omnicloud")
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        sys.stderr.write(f'this command needs more: pip install "omnicloud[{extra}]"\n')
        raise SystemExit(2) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stderr.write(f"the answer cannot be written: {error.strerror}\n")
        raise SystemExit(1) from None
