"""With what a provider was tried: versions and the kind of machine, without its name or paths."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

from omnicloud_tck.certificates.model import EnvironmentEntry, VersionsEntry

__all__ = ["environment", "version_of", "versions"]

UNKNOWN = "unknown"
_OURS = ("omnicloud", "omnicloud-tck")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def version_of(distribution: str) -> str:
    """The installed version of a distribution, or ``"unknown"``."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return UNKNOWN


def versions(distribution: str) -> VersionsEntry:
    """The versions that matter to a provider's certificate."""
    return VersionsEntry(
        kit=version_of("omnicloud-tck"),
        omnicloud=version_of("omnicloud"),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        clients=_clients(distribution),
    )


def environment() -> EnvironmentEntry:
    """The kind of machine."""
    kind = f"{platform.system()} {platform.release()} {platform.machine()}"
    return EnvironmentEntry(platform=kind[:200], cpu_count=os.cpu_count() or 0)


def _clients(distribution: str) -> dict[str, str]:
    """What the distribution itself asks for, extras aside, as far as it is installed."""
    try:
        asked = requires(distribution) or []
    except PackageNotFoundError:
        return {}
    plain = (line for line in asked if "extra ==" not in line)
    names = sorted({found[0] for line in plain if (found := _NAME.match(line))} - set(_OURS))
    return {name: told for name in names if (told := version_of(name)) != UNKNOWN}
