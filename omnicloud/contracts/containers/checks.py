"""What a spec must be before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from omnicloud.contracts.containers.models import (
    ContainersFeature,
    ContainersLimits,
    ContainerSpec,
    HealthCheck,
    Mount,
    Port,
    Resources,
    RestartPolicy,
    RestartWhen,
)
from omnicloud.core.durations import positive
from omnicloud.core.names import check_name
from omnicloud.core.operation import Feature
from omnicloud.errors import InvalidArgumentError

__all__ = [
    "OWN_LABELS",
    "check_resources",
    "checked",
    "checked_command",
    "checked_labels",
    "checked_reference",
    "checked_resources",
    "features_for",
]

OWN_LABELS = "omnicloud."
"""Labels that start so are the library's own."""

_REFERENCE_MAX = 512
_IOPS_MAX = (1 << 32) - 2  # kernels count them in 32 bits, of which the last word is "no limit"
_PORT_MAX = (1 << 16) - 1
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def checked(spec: ContainerSpec) -> ContainerSpec:
    """The spec, if it is one.

    Raises:
        InvalidArgumentError: It names the field that is wrong; nothing was sent.
    """
    if not isinstance(spec, ContainerSpec):
        raise InvalidArgumentError(f"spec must be a ContainerSpec, not {type(spec).__name__}")
    check_name(spec.name)
    checked_command(spec.command)
    _check_env(spec.env)
    checked_labels(spec.labels)
    _check_labels_are_ours(spec.labels)
    checked_labels(spec.placement, "placement")
    if spec.image is not None:
        checked_reference(spec.image)
    if spec.working_dir is not None and not _text(spec.working_dir).startswith("/"):
        raise InvalidArgumentError("working_dir must be an absolute path without NUL")
    checked_resources(spec.resources)
    _check_restart(spec.restart)
    _check_health(spec.health)
    _check_count(spec.replicas, "replicas", 1)
    _check_mounts(spec.mounts)
    _check_networks(spec.networks)
    _check_ports(spec.ports)
    return _own(spec, _checked_host(spec))


def _own(spec: ContainerSpec, host: str | None) -> ContainerSpec:
    """A copy: what the caller changes afterwards, between two runs say, is not the container's."""
    return replace(
        spec,
        command=tuple(spec.command),
        env=dict(spec.env),
        labels=dict(spec.labels),
        placement=dict(spec.placement),
        host=host,
    )


def checked_command(command: Iterable[str], what: str = "command") -> tuple[str, ...]:
    """A program and its arguments."""
    if isinstance(command, str) or not isinstance(command, tuple | list):
        raise InvalidArgumentError(
            f"{what} must be a sequence of texts, not {type(command).__name__}",
            hint='give the program and each argument for itself, as in ("sleep", "5")',
        )
    if not command or not command[0]:
        raise InvalidArgumentError(f"{what} has no program", hint="its first text is the program")
    for part in command:
        _text(part, what)
    return tuple(command)


def checked_labels(labels: Mapping[str, str], what: str = "labels") -> Mapping[str, str]:
    """Texts by keys that are not empty."""
    if not isinstance(labels, Mapping):
        raise InvalidArgumentError(f"{what} must be a mapping, not {type(labels).__name__}")
    for key, value in labels.items():
        if not _text(key, what):
            raise InvalidArgumentError(f"a key of {what} is empty")
        _text(value, what)
    return labels


def checked_reference(reference: str) -> str:
    """A reference of an image, as far as all engines agree."""
    text = _text(reference, "image")
    if not text or len(text) > _REFERENCE_MAX or any(each.isspace() for each in text):
        raise InvalidArgumentError(
            f"image must have 1 to {_REFERENCE_MAX} characters without spaces",
            hint='as in "registry.example/web:1.2"',
        )
    return text


def checked_resources(asked: Resources) -> Resources:
    """Limits that can be: at least a hundredth of a processor, else whole numbers from one on."""
    cpu = _checked_cpu(asked.cpu)
    for name in ("memory_bytes", "read_bps", "write_bps", "read_iops", "write_iops"):
        value = getattr(asked, name)
        if value is not None:
            _check_count(value, name, 1)
            if name.endswith("_iops") and value > _IOPS_MAX:
                raise InvalidArgumentError(f"{name} is {value}, the most is {_IOPS_MAX}")
    return replace(asked, cpu=cpu)


def features_for(asked: Resources) -> frozenset[Feature]:
    """What a driver must declare to set these limits."""
    needed = {
        ContainersFeature.CPU: asked.cpu is not None,
        ContainersFeature.MEMORY: asked.memory_bytes is not None,
        ContainersFeature.IO: asked.limits_io,
    }
    return frozenset(feature for feature, is_needed in needed.items() if is_needed)


def check_resources(asked: Resources, limits: ContainersLimits) -> None:
    """See that a driver takes these limits.

    Raises:
        InvalidArgumentError: One is beyond a bound of the driver.
    """
    if asked.cpu is not None and asked.cpu > limits.cpu_max:
        raise InvalidArgumentError(f"cpu is {asked.cpu}, the limit cpu_max is {limits.cpu_max}")
    _check_least("memory_bytes", asked.memory_bytes, "memory_min_bytes", limits.memory_min_bytes)
    for name in ("read_bps", "write_bps"):
        _check_least(name, getattr(asked, name), "bps_min", limits.bps_min)


def _check_least(name: str, value: int | None, limit: str, least: int) -> None:
    if value is not None and value < least:
        raise InvalidArgumentError(
            f"{name} is {value}, the limit {limit} is {least}", hint="it is in bytes"
        )


def _checked_cpu(cpu: float | None) -> float | None:
    if cpu is None:
        return None
    if isinstance(cpu, bool) or not isinstance(cpu, int | float) or not math.isfinite(cpu):
        raise InvalidArgumentError("cpu must be a finite number of processors")
    if cpu < 0.01:
        raise InvalidArgumentError(f"cpu is {cpu}, it must be at least 0.01 of a processor")
    return float(cpu)


def _check_count(value: int, what: str, at_least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidArgumentError(f"{what} must be an int, not {type(value).__name__}")
    if not at_least <= value < 1 << 62:
        raise InvalidArgumentError(f"{what} is {value}, it must be at least {at_least}")


def _check_env(env: Mapping[str, str]) -> None:
    if not isinstance(env, Mapping):
        raise InvalidArgumentError(f"env must be a mapping, not {type(env).__name__}")
    for key, value in env.items():
        if not _text(key, "env") or "=" in key:
            raise InvalidArgumentError("a name in env is empty or holds '='")
        _text(value, "env")


def _check_labels_are_ours(labels: Mapping[str, str]) -> None:
    if any(key.startswith(OWN_LABELS) for key in labels):
        raise InvalidArgumentError(
            f"a key of labels starts with {OWN_LABELS!r}, which is the library's own"
        )


def _check_restart(policy: RestartPolicy) -> None:
    if not isinstance(policy, RestartPolicy) or not isinstance(policy.when, RestartWhen):
        raise InvalidArgumentError("restart must be a RestartPolicy")
    if policy.most is None:
        return
    _check_count(policy.most, "restart.most", 1)
    if policy.when is not RestartWhen.ON_FAILURE:
        raise InvalidArgumentError(
            "restart.most bounds ON_FAILURE only", hint="leave it out for the other policies"
        )


def _check_health(health: HealthCheck | None) -> None:
    if health is None:
        return
    checked_command(health.command, "health.command")
    positive(health.interval, "health.interval")
    positive(health.timeout, "health.timeout")
    _check_count(health.retries, "health.retries", 1)


def _check_mounts(mounts: tuple[Mount, ...]) -> None:
    if not isinstance(mounts, tuple) or not all(isinstance(one, Mount) for one in mounts):
        raise InvalidArgumentError("mounts must be a tuple of Mount")
    for one in mounts:
        check_name(one.volume, "a volume of mounts")
        parts = _text(one.path, "a path of mounts").split("/")
        if parts[0] or not all(parts[1:]) or {".", ".."} & set(parts):
            raise InvalidArgumentError(
                "a path of mounts must be absolute, not /, and without //, . and ..",
                hint='as in "/var/lib/data"',
            )
    if len({one.path for one in mounts}) < len(mounts):
        raise InvalidArgumentError("two mounts have one path")


def _check_networks(networks: tuple[str, ...]) -> None:
    if not isinstance(networks, tuple):
        raise InvalidArgumentError("networks must be a tuple of names")
    for name in networks:
        check_name(name, "a name of networks")
    if len(set(networks)) < len(networks):
        raise InvalidArgumentError("networks names one twice")


def _check_ports(ports: tuple[Port, ...]) -> None:
    if not isinstance(ports, tuple) or not all(isinstance(one, Port) for one in ports):
        raise InvalidArgumentError("ports must be a tuple of Port", hint="as in (Port(8080),)")
    for one in ports:
        for what, number, least in (("container", one.container, 1), ("host", one.host, 0)):
            _check_count(number, f"{what} of ports", least)
            if number > _PORT_MAX:
                raise InvalidArgumentError(
                    f"{what} of ports is {number}, it must be at most {_PORT_MAX}"
                )
    hosts = [one.host for one in ports if one.host]
    if len(set(hosts)) < len(hosts) or len({one.container for one in ports}) < len(ports):
        raise InvalidArgumentError("ports names one twice")


def _checked_host(spec: ContainerSpec) -> str | None:
    """What others call it, where anybody can."""
    if not spec.networks:
        if spec.host is not None:
            raise InvalidArgumentError("host is for containers on networks", hint="give networks")
        return None
    host = spec.name if spec.host is None else _text(spec.host, "host")
    if not _HOST.fullmatch(host):
        raise InvalidArgumentError(
            "host must be 1 to 63 lower-case letters, digits and inner dashes",
            hint="give host where the name is no such word" if spec.host is None else None,
        )
    return host


def _text(value: str, what: str = "working_dir") -> str:
    """A text that a program can be given."""
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} must hold texts, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{what} holds a lone surrogate") from None
    if "\0" in value:
        raise InvalidArgumentError(f"{what} holds a NUL, which no program can be given")
    return value
