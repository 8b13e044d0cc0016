"""What of its machine a container is given: limits and ports."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

__all__ = ["Port", "Resources"]


@dataclass(frozen=True, slots=True)
class Resources:
    """Limits, named as in a spec; ``None`` is no limit."""

    cpu: float | None = None
    memory_bytes: int | None = None
    read_bps: int | None = None
    write_bps: int | None = None
    read_iops: int | None = None
    write_iops: int | None = None

    @property
    def limits_io(self) -> bool:
        """Whether one is of reads or writes."""
        rates = (self.read_bps, self.write_bps, self.read_iops, self.write_iops)
        return any(rate is not None for rate in rates)

    def changed(self, by: Resources) -> Resources:
        """These, with those in place that ``by`` gives."""
        given = {each.name: getattr(by, each.name) for each in fields(by)}
        return replace(self, **{name: limit for name, limit in given.items() if limit is not None})


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of a container that is published on 127.0.0.1 of the engine's machine.

    Attributes:
        container: Where its program listens, on all of its addresses, 1 to 65,535.
        host: Where it is reached, 1 to 65,535; of a spec also 0, which leaves the choice to the
            engine, another one after each start.
    """

    container: int
    host: int = 0
