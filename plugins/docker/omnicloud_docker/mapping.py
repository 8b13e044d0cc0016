"""Specs as the engine takes them, and containers as it tells them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, TypedDict

from omnicloud.contracts.containers import (
    Container,
    ContainerSpec,
    Health,
    Port,
    Resources,
    RestartWhen,
    State,
)
from omnicloud.core.names import escape, unescape
from omnicloud_docker.config import DockerConfig

__all__ = [
    "NAME",
    "NEVER_RAN",
    "SERVICE",
    "Throttling",
    "created",
    "docker_name",
    "limits_of",
    "nanoseconds",
    "rates_of",
    "seen",
    "throttling_of",
]

SERVICE = "omnicloud.service"
NAME = "omnicloud.name"
NEVER_RAN = "omnicloud-never-ran-"
"""With this the engine's name of a container begins whose program could not be started."""
_LOOPBACK = "127.0.0.1"
_PERIOD = 100_000  # microseconds, over which a processor limit is counted

_RATES = {
    "read_bps": "BlkioDeviceReadBps",
    "write_bps": "BlkioDeviceWriteBps",
    "read_iops": "BlkioDeviceReadIOps",
    "write_iops": "BlkioDeviceWriteIOps",
}

_WHEN = {
    RestartWhen.NEVER: "no",
    RestartWhen.ON_FAILURE: "on-failure",
    # "always" would start again, with the engine, what was stopped by hand.
    RestartWhen.ALWAYS: "unless-stopped",
}
_STATES = {
    "running": State.RUNNING,
    "paused": State.PAUSED,
    "restarting": State.RESTARTING,
}
_HEALTH = {
    "starting": Health.STARTING,
    "healthy": Health.HEALTHY,
    "unhealthy": Health.UNHEALTHY,
}


def docker_name(service: str, name: str) -> str:
    """What the engine calls a container: it keeps its names unique, and so ours."""
    hashed = hashlib.sha256(f"{escape(service)}/{escape(name)}".encode()).hexdigest()
    return f"omnicloud-{hashed[:40]}"


def created(
    spec: ContainerSpec,
    service: str,
    config: DockerConfig,
    image: str,
    mounts: list[dict[str, Any]],
    endpoints: dict[str, Any],
    disk: str | None,
) -> dict[str, Any]:
    """The body of a request that makes a container, on the first of its networks."""
    check = spec.health
    first = next(iter(endpoints), None)
    return {
        "Image": image,
        "Entrypoint": [spec.command[0]],
        "Cmd": list(spec.command[1:]),
        "Env": [f"{key}={value}" for key, value in spec.env.items()],
        "Labels": {**spec.labels, SERVICE: escape(service), NAME: escape(spec.name)},
        "WorkingDir": spec.working_dir or "",
        "StopSignal": "SIGTERM",
        "ExposedPorts": {_tcp(one): {} for one in spec.ports},
        **({"NetworkingConfig": {"EndpointsConfig": {first: endpoints[first]}}} if first else {}),
        "Healthcheck": {
            "Test": ["CMD", *check.command],
            "Interval": round(check.interval * 1e9),
            "Timeout": round(check.timeout * 1e9),
            "Retries": check.retries,
        }
        if check
        else {"Test": ["NONE"]},
        "HostConfig": {
            **limits_of(spec.cpu, spec.memory_bytes),
            **rates_of(spec.resources, disk),
            "RestartPolicy": {
                "Name": _WHEN[spec.restart.when],
                "MaximumRetryCount": spec.restart.most or 0,
            },
            "LogConfig": {
                "Type": "local",  # the engine's other one on disk keeps no bytes but UTF-8
                "Config": {
                    "max-size": str(config.log_bytes),
                    "max-file": str(config.log_files),
                    "compress": "false",
                },
            },
            "Mounts": mounts,
            "PortBindings": {
                _tcp(one): [{"HostIp": _LOOPBACK, "HostPort": str(one.host)}] for one in spec.ports
            },
            **({"NetworkMode": mode} if (mode := first or config.network) else {}),
        },
    }


def limits_of(cpu: float | None, memory_bytes: int | None) -> dict[str, int]:
    """The engine's fields for limits; those of ``None`` are left out."""
    limits = {} if cpu is None else {"CpuPeriod": _PERIOD, "CpuQuota": round(cpu * _PERIOD)}
    if memory_bytes is not None:
        limits |= {"Memory": memory_bytes, "MemorySwap": memory_bytes}
    return limits


def rates_of(asked: Resources, disk: str | None) -> dict[str, Any]:
    """The engine's fields for limits of that disk's reads and writes; those of ``None`` are out."""
    rates = {engine: getattr(asked, ours) for ours, engine in _RATES.items()}
    return {
        engine: [{"Path": disk, "Rate": rate}] for engine, rate in rates.items() if rate is not None
    }


def seen(told: dict[str, Any]) -> Container:
    """A container, from what the engine tells of it."""
    state, host, labels = told["State"], told["HostConfig"], told["Config"]["Labels"]
    standing = _STATES.get(state["Status"], State.EXITED)
    ran = not state["StartedAt"].startswith("0001-")
    over = ran and standing in (State.EXITED, State.RESTARTING)
    health = (state.get("Health") or {}).get("Status", "")
    return Container(
        name=unescape(labels[NAME]),
        id=told["Id"],
        state=standing,
        exit_code=state["ExitCode"] if over else None,
        restarts=told["RestartCount"],
        started_at=nanoseconds(state["StartedAt"]) / 1e9 if ran else 0.0,
        health=_HEALTH.get(health, Health.UNKNOWN),
        labels={key: value for key, value in labels.items() if key not in (SERVICE, NAME)},
        image=told["Config"]["Image"],
        resources=Resources(
            host["CpuQuota"] / (host["CpuPeriod"] or _PERIOD) if host["CpuQuota"] > 0 else None,
            host["Memory"] or None,
            **{ours: _rate(host.get(engine)) for ours, engine in _RATES.items()},
        ),
        ports=ports_of(told),
    )


def ports_of(told: dict[str, Any]) -> tuple[Port, ...]:
    """The ports that the engine publishes; those that an image only names are no such."""
    published = told["NetworkSettings"].get("Ports") or {}
    found = {
        Port(int(name.removesuffix("/tcp")), int(one["HostPort"]))
        for name, bound in published.items()
        for one in bound or ()
        if name.endswith("/tcp")
    }
    return tuple(sorted(found, key=lambda port: port.container))


def _tcp(port: Port) -> str:
    return f"{port.container}/tcp"


def _rate(told: list[dict[str, Any]] | None) -> int | None:
    """The limit of the one disk that has one."""
    return told[0]["Rate"] if told else None


class Throttling(TypedDict):
    """The fields of stats about what a processor limit held back."""

    periods: int
    throttled_periods: int
    throttled_seconds: float


def throttling_of(told: dict[str, Any]) -> Throttling:
    """What the engine's counters say of it; it tells zeros of what never had a limit."""
    counters = told["cpu_stats"].get("throttling_data") or {}
    return {
        "periods": counters.get("periods", 0),
        "throttled_periods": counters.get("throttled_periods", 0),
        "throttled_seconds": counters.get("throttled_time", 0) / 1e9,
    }


def nanoseconds(stamp: str) -> int:
    """A stamp of the engine, RFC 3339 with up to nine decimals, since 1970."""
    whole, _, rest = stamp.partition(".")
    digits = rest.rstrip("Z").partition("+")[0].partition("-")[0] if rest else ""
    zone = "+00:00" if stamp.endswith("Z") else stamp[-6:]
    base = datetime.fromisoformat(whole.removesuffix("Z")[:19] + zone)
    return round(base.timestamp()) * 10**9 + int(digits.ljust(9, "0")[:9] or 0)
