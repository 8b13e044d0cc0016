"""Certificates for tests, of real runs over memory, and what is done to their JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from omnicloud_tck.certificates.making import as_json, made
from omnicloud_tck.certificates.model import CertificateFile
from omnicloud_tck.certificates.signing import make_key, read_key, signed
from omnicloud_tck.certify import Trial, certify_contract
from omnicloud_tck.reference import memory_world, world

Step = str | int
Spot = tuple[Step, ...]


@cache
def certificate(contract: str = "sagas") -> CertificateFile:
    """The reference's own, for one contract."""
    return tried(Trial(contract, lambda: world(contract)))


def tried(trial: Trial) -> CertificateFile:
    report = certify_contract(trial, examples=3)
    now = datetime.now(UTC)
    return made("memory", "omnicloud", [report], examples=3, started=now, finished=now)


def of_driver(contract: str, driver: Any) -> CertificateFile:
    """That of a driver class over a memory store."""
    return tried(Trial(contract, lambda: memory_world(driver)))


def plain(of: CertificateFile) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(as_json(of))
    return found


def key(folder: Path) -> Any:
    path = folder / "key.pem"
    if not path.exists():
        make_key(path)
    return read_key(path)


def sealed(folder: Path, of: CertificateFile) -> CertificateFile:
    return signed(of, key(folder))


def written(folder: Path, what: object) -> Path:
    path = folder / "certificate.json"
    path.write_text(as_json(what) if isinstance(what, CertificateFile) else json.dumps(what))
    return path


def leaves(value: object, spot: Spot = ()) -> Iterator[Spot]:
    """Where each value is that holds no others; an empty list or object is one."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    below = [found for step, one in inner for found in leaves(one, (*spot, step))]
    yield from below or [spot]


def changed(of: dict[str, Any], spot: Spot, how: Callable[[Any], Any]) -> dict[str, Any]:
    """A copy with another value at one spot."""
    copy: Any = json.loads(json.dumps(of))
    inner = copy
    for step in spot[:-1]:
        inner = inner[step]
    inner[spot[-1]] = how(inner[spot[-1]])
    return copy  # type: ignore[no-any-return]


def another(value: object) -> object:
    """A value of the same kind that is not this one."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return _OTHERS.get(value, value + "x")
        case list():
            return ["x"]
        case dict():
            return {"x": "x"}
    return "shape"


_OTHERS = {
    "held": "broken",
    "not applicable": "held",
    "not tried": "held",
    "MUST": "SHOULD",
    "SHOULD": "MUST",
    "shape": "trust",
    "semantics": "shape",
    "concurrency": "shape",
    "resilience": "shape",
    "trust": "shape",
}
