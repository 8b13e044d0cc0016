"""Which disk holds a folder, as Linux tells it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Disk", "disk_below"]

_DEVICES = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class Disk:
    """A whole disk.

    Attributes:
        number: Of its device, as in ``"8:0"``.
        path: Of its device, as in ``/dev/sda``.
    """

    number: str
    path: Path


def disk_below(folder: Path, devices: Path = _DEVICES) -> Disk | None:
    """The disk with the files of a folder, whole: kernels limit no partition for itself.

    ``None`` where one cannot be told: memory, a network, several disks under one file system.

    Args:
        folder: It must be there, else there is no disk below it.
        devices: The system's links to its block devices, by number.
    """
    try:
        number = folder.stat().st_dev
        device = (devices / f"{os.major(number)}:{os.minor(number)}").resolve(strict=True)
        whole = device.parent if (device / "partition").exists() else device
        # The system writes a slash in the name of a device as an exclamation mark.
        path = Path("/dev", whole.name.replace("!", "/"))
        return Disk((whole / "dev").read_text().strip(), path)
    except OSError:
        return None
