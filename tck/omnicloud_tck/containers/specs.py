"""Draws what a random program of containers runs: few names, short scripts, odd options."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from omnicloud.contracts.containers import (
    ContainersFeature,
    ContainerSpec,
    HealthCheck,
    Mount,
    Port,
    Resources,
    RestartPolicy,
    RestartWhen,
)
from omnicloud.core.operation import Feature
from omnicloud_tck.containers.bench import sh
from omnicloud_tck.containers.lived import PARTS, WELL, Life, Part

__all__ = ["HOSTS", "IMAGES", "LABELS", "NAMES", "NETWORKS", "PORTS", "VOLUMES", "Drawing"]

_F = ContainersFeature
NAMES = ("web", "web-2", "Web", "a/b", "a_b")
HOSTS = {name: f"h{at}" for at, name in enumerate(NAMES)}
VOLUMES = ("data", "da/ta", "da_ta", "Data")
NETWORKS = ("net", "net-2")
IMAGES = ("omnicloud-tck/one:1", "omnicloud-tck/one:2", "omnicloud-tck/two:1")
PORTS = (20_801, 20_802)
LABELS = (("app", "one"), ("App", "two"), ("zone", "eu"), ("zone", ""), ("flag", ""), ("a.B", "="))
_LINES = ("x=1?y=2", "a  b", "ä", "v" * 5000, "two\n\nlines")
_PATHS = ("/d", "/d/c")
_MB = 1 << 20
_LIMITS = {
    "cpu": (0.25, 0.5, 1.0, 2.0),
    "memory_bytes": (64 * _MB, 96 * _MB, 256 * _MB),
    "read_bps": (4 * _MB, 9 * _MB),
    "write_bps": (5 * _MB, 7 * _MB),
    "read_iops": (500, 900),
    "write_iops": (400, 700),
}
_LIMITED_BY = {"cpu": _F.CPU, "memory_bytes": _F.MEMORY}
_CHECKS = (WELL, WELL, ("false",), ("sleep", "9"))
_NEVER, _TWICE = RestartPolicy(), RestartPolicy(RestartWhen.ON_FAILURE, most=2)
_RESTARTS = (
    *(_NEVER, _NEVER, RestartPolicy(RestartWhen.ON_FAILURE), _TWICE),
    RestartPolicy(RestartWhen.ALWAYS),
)
_NEW = (_F.CPU, _F.MEMORY, _F.IO, _F.HEALTH, _F.IMAGES, _F.PORTS)


class Drawing:
    """What one program may run.

    Args:
        features: Those of the driver; of some of them a program makes no use.
        real: Whether time is, so that all has to be short and sure.
    """

    def __init__(
        self, chance: random.Random, features: frozenset[Feature], *, real: bool = False
    ) -> None:
        self._chance, self._real = chance, real
        slow = {_F.IO, _F.HEALTH, _F.IMAGES, _F.PORTS, _F.VOLUMES, _F.NETWORKS} if real else set()
        left_out = {one for one in _NEW if not real and chance.random() < 0.35}
        self.features = features - slow - left_out

    def life(self, name: str) -> Life:
        """A container that was not begun."""
        part, line = self._chance.choice(self._parts()), self._chance.choice(_LINES)
        networks = self._networks()
        wanted = ContainerSpec(
            name=name,
            command=sh(part.script),
            env={"V": line, "W": "no"},
            labels=dict(self._chance.sample(LABELS, self._chance.choice((0, 1, 2, 3)))),
            restart=self._restart(part),
            mounts=self._mounts(),
            networks=networks,
            host=HOSTS[name] if networks else None,
        )
        return self._with_more(wanted, part, line)

    def limits(self, held: Resources, *, for_update: bool = False) -> Resources:
        """Some limits, each another than it is."""
        names = [
            name
            for name in _LIMITS
            if _LIMITED_BY.get(name, _F.IO) in self.features
            and (not for_update or name in _LIMITED_BY or _F.IO_UPDATE in self.features)
        ]
        some = self._chance.sample(names, min(len(names), self._chance.choice((1, 1, 2, 3))))
        drawn: dict[str, Any] = {
            name: self._chance.choice([one for one in _LIMITS[name] if one != getattr(held, name)])
            for name in some
        }
        return Resources(**drawn)

    def _with_more(self, wanted: ContainerSpec, part: Part, line: str) -> Life:
        """The same with limits, checks, an image and ports, where the program makes use of them."""
        chance, more = self._chance, dict[str, Any]()
        limits = Resources()
        if self.features & {_F.CPU, _F.MEMORY, _F.IO} and chance.random() < 0.6:
            limits = self.limits(Resources())
            more |= {name: getattr(limits, name) for name in _LIMITS}
        if _F.HEALTH in self.features and chance.random() < 0.6:
            command, retries = chance.choice(_CHECKS), chance.choice((1, 2, 3))
            more["health"] = HealthCheck(command=command, interval=4, timeout=0.5, retries=retries)
        if _F.IMAGES in self.features and chance.random() < 0.6:
            more["image"] = chance.choice(IMAGES)
        if _F.PORTS in self.features and chance.random() < 0.6:
            more |= {"ports": self._ports(), "restart": _NEVER}
        return Life(replace(wanted, **more), part, line, resources=limits)

    def _parts(self) -> list[Part]:
        """Those that are short where time is real, and write no file where there is no place."""
        files = {_F.VOLUMES, _F.NETWORKS} <= self.features
        parts = [part for part in PARTS if part.plain or not self._real]
        return [part for part in parts if files or not part.serves]

    def _restart(self, part: Part) -> RestartPolicy:
        """Where time is real, none for which one would wait long."""
        choices = [_NEVER, _TWICE] if self._real and part.lasts is not None else _RESTARTS
        return self._chance.choice(choices)

    def _networks(self) -> tuple[str, ...]:
        drawn = tuple(one for one in NETWORKS if self._chance.random() < 0.5)
        return drawn if _F.NETWORKS in self.features else ()

    def _mounts(self) -> tuple[Mount, ...]:
        volumes = self._chance.sample(VOLUMES, self._chance.choice((0, 1, 2, 2)))
        mounts = tuple(
            Mount(volume, path, self._chance.random() < 0.4)
            for volume, path in zip(volumes, _PATHS, strict=False)
        )
        return mounts if _F.VOLUMES in self.features else ()

    def _ports(self) -> tuple[Port, ...]:
        hosts = self._chance.choice(((0,), (0, 0), PORTS[:1], PORTS[1:], PORTS, (0, PORTS[0])))
        return tuple(Port(8080 + at, host) for at, host in enumerate(hosts))
