"""Barbican for the tests: found, or installed by pip into the user's cache.

It brings two hundred packages, some older than ours, so it has an environment of its own:
``OMNICLOUD_BARBICAN_ENV`` names one that has ``barbican`` and ``waitress``; else one is made at
the first use, which takes a minute or two.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

from omnicloud_tck.servers import NoServerError

__all__ = ["ENVIRONMENT", "RELEASE", "installed"]

ENVIRONMENT = "OMNICLOUD_BARBICAN_ENV"
RELEASE = "23"
_INSTALL_SECONDS = 900.0


def installed() -> Path:
    """The environment that has Barbican, made where there is none.

    Raises:
        NoServerError: pip could not install it.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "omnicloud" / f"barbican-{RELEASE}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want it at once
        if not (folder / "installed").exists():
            _install(folder)
            (folder / "installed").touch()
    return folder


def _install(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # half of one, say
    packages = (f"barbican=={RELEASE}.*", "waitress")
    python = str(folder / "bin" / "python")
    try:
        for command in (
            (sys.executable, "-m", "venv", str(folder)),
            (python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages),
        ):
            subprocess.run(  # noqa: S603 - no shell, and words of ours
                command, check=True, capture_output=True, timeout=_INSTALL_SECONDS
            )
    except subprocess.SubprocessError as error:
        raise NoServerError(
            "there is no Barbican to certify over, and pip could not install it: set "
            f"{ENVIRONMENT} or OMNICLOUD_TEST_BARBICAN_URL"
        ) from error


if __name__ == "__main__":
    installed()
