"""Starts the supervisor of a container and hears whether the program began."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from omnicloud.errors import UnavailableError
from omnicloud_process.errors import cannot_start
from omnicloud_process.supervise.folder import Folder

__all__ = ["launch"]

_HERE = Path(__file__).resolve().parent.parent
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from omnicloud_process.supervise.main import main; main(sys.argv[2], int(sys.argv[3]))"
)
_SECONDS = 15.0


def launch(folder: Folder) -> None:
    """Start a container that does not run.

    Raises:
        InvalidArgumentError: Its program cannot be started; nothing runs.
        UnavailableError: The supervisor said nothing in time; unknown.
    """
    heard, say = os.pipe()
    try:
        _spawn(folder, say)
        os.close(say)
        say = -1
        if not _has_something(heard):
            raise UnavailableError("the supervisor of the container did not begin in time")
        said = os.read(heard, 16)
    finally:
        os.close(heard)
        if say >= 0:
            os.close(say)
    if not said:
        raise UnavailableError("the supervisor of the container ended at once")
    if said != b"0":
        raise cannot_start(int(said))


def _has_something(heard: int) -> bool:
    """Wait for a word or the end; select() would not take a number from 1,024 on."""
    poll = select.poll()
    poll.register(heard, select.POLLIN)
    return bool(poll.poll(_SECONDS * 1000))


def _spawn(folder: Folder, say: int) -> None:
    # Without site packages and the caller's settings: it needs the standard library alone.
    command = [sys.executable, "-I", "-S", "-c", _CODE]
    arguments = [str(_HERE), str(folder.path), str(say)]
    with (folder.path / "supervisor.log").open("ab") as log:
        subprocess.run(  # noqa: S603 - our own code; it leaves a child and ends at once
            [*command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(say,),
            env={"PATH": os.defpath},
            cwd="/",
            timeout=_SECONDS,
            check=False,
        )
