"""What the host itself tells of energy and of its processors: Linux's RAPL and /proc/stat."""

from __future__ import annotations

import os
from pathlib import Path

from omnicloud.errors import CorruptedError, PermissionDeniedError

__all__ = ["POWERCAP", "STAT", "HostLoad", "Rapl"]

POWERCAP = Path("/sys/class/powercap")
STAT = Path("/proc/stat")
_MICRO = 1e-6
_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq; guests are in user already


class Rapl:
    """Energy of the processors and of the memory they drive, by the counters of powercap.

    The kernel's Documentation/power/powercap/powercap.rst has the files. Zones called
    ``package-…`` are counted, and of their parts only ``dram``: cores and graphics are in the
    package already. Disks, fans and power supplies are not seen.

    Args:
        zones: Folders, each with ``energy_uj`` and ``max_energy_range_uj``.
    """

    def __init__(self, zones: tuple[Path, ...]) -> None:
        self._zones = zones
        self._last: dict[Path, int] = {}

    @classmethod
    def find(cls, root: Path = POWERCAP) -> Rapl | None:
        """The counters of this host; ``None`` where it shows none, as most virtual machines."""
        found = [zone for zone in sorted(root.glob("intel-rapl:*")) if _counts(zone)]
        return cls(tuple(found)) if found else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the zones that are counted."""
        return tuple((zone / "name").read_text().strip() for zone in self._zones)

    def joules(self) -> float:
        """Energy since the call before; 0 at the first.

        Counters start anew after some minutes at full load: call it at least once a minute.

        Raises:
            PermissionDeniedError: Kernels since 5.10 show the counters to root alone.
            CorruptedError: A counter that is no number.
        """
        return sum(self._grown(zone) for zone in self._zones) * _MICRO

    def _grown(self, zone: Path) -> int:
        now = _number(zone / "energy_uj")
        before = self._last.get(zone, now)
        self._last[zone] = now
        if now >= before:
            return now - before
        return now - before + _number(zone / "max_energy_range_uj") + 1


class HostLoad:
    """Cores that are in use, by everything that runs on this host.

    Args:
        stat: The kernel's file, see proc(5).
    """

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._tick = 1.0 / os.sysconf("SC_CLK_TCK")

    @property
    def known(self) -> bool:
        """Whether the host tells it."""
        return self._stat.exists()

    def cpu_seconds(self) -> float:
        """Processor time of all cores since the host started.

        Raises:
            CorruptedError: The file is not as the kernel writes it.
        """
        words = self._stat.read_text().split("\n", 1)[0].split()[1:]
        try:
            return sum(int(words[number]) for number in _BUSY) * self._tick
        except (ValueError, IndexError):
            raise CorruptedError(f"{self._stat} is not as the kernel writes it") from None


def _counts(zone: Path) -> bool:
    name = zone / "name"
    if not name.exists() or not (zone / "energy_uj").exists():
        return False
    own = name.read_text().strip()
    return own.startswith("package") or own == "dram"


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except PermissionError:
        raise PermissionDeniedError(
            f"{file} is for root alone", hint="run it as root, or let it be estimated"
        ) from None
    except ValueError:
        raise CorruptedError(f"{file} is no number") from None
