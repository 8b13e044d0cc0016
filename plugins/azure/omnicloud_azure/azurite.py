"""The emulator of the tests: found, or installed by npm into the user's cache, and started.

It is no package of Python's: 365 MB in 457 packages of npm's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from omnicloud_tck.kept_servers import KeptServer
from omnicloud_tck.servers import NoServerError

__all__ = ["ACCOUNT", "KEY", "VERSION", "azurite", "installed"]

VERSION = "3.37.0"
ACCOUNT = "devstoreaccount1"
# The one that Microsoft publishes for all emulators.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_PROGRAM = Path("node_modules/azurite/dist/src/blob/main.js")
_INSTALL_SECONDS = 600
_READY_SECONDS = 90.0


def azurite(ready: Callable[[int], Awaitable[None]]) -> KeptServer:
    """A server that is not started yet; it keeps all in memory.

    Raises:
        NoServerError: It is not there, and npm neither.
    """
    program = [shutil.which("node") or "node", str(installed())]

    def command(port: int, folder: Path) -> Sequence[str]:
        return (
            *(*program, "--blobHost", "127.0.0.1", "--blobPort", str(port)),
            "--inMemoryPersistence",
            *("--silent", "--skipApiVersionCheck", "--disableTelemetry"),
        )

    return KeptServer(command, ready, within=_READY_SECONDS)


def installed() -> Path:
    """The emulator's program in the user's cache, installed there the first time.

    Raises:
        NoServerError: npm is missing, or failed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "omnicloud-tests" / f"azurite-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (folder / "installed").exists():
            _install(folder)
            (folder / "installed").touch()
    return folder / _PROGRAM


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NoServerError(
            "there is no Azurite to certify over: install npm (and node 20 or later), or set "
            "OMNICLOUD_TEST_AZURE_URL"
        )
    command = (
        npm,
        "install",
        "--prefix",
        str(folder),
        "--no-audit",
        "--no-fund",
        f"azurite@{VERSION}",
    )
    try:
        done = subprocess.run(  # noqa: S603 - npm, with arguments of our own
            command, capture_output=True, timeout=_INSTALL_SECONDS, check=False, text=True
        )
    except subprocess.TimeoutExpired:
        raise NoServerError(f"npm had not installed Azurite after {_INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NoServerError(f"npm could not install Azurite:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    installed()
