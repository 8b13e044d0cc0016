"""A fleet out of a TOML or JSON file: nodes, workloads where they are or are wanted, options.

::

    [[nodes]]
    name = "n-1"
    capacity = { cpu_cores = 32, memory_bytes = "128GiB" }
    price_per_hour = 1.61

    [[workloads]]
    name = "web-1"
    node = "n-1"                  # where it is; without: to be placed
    request = { cpu_cores = 4, memory_bytes = "8GiB" }
    labels = { app = "web" }

    [options]
    move_budget = 3

Other keys are the fields of :class:`~omnicloud.placement.model.node.Node`,
:class:`~omnicloud.placement.model.workload.Workload` and
:class:`~omnicloud.placement.model.options.Options`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ByteSize, TypeAdapter, ValidationError

from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.placement.model.labels import Requirement, Taint, Toleration
from omnicloud.placement.model.node import Gpus, Node, NumaZone, Power
from omnicloud.placement.model.options import Aim, Options
from omnicloud.placement.model.resources import Resources
from omnicloud.placement.model.snapshot import Latency, Placed, Snapshot
from omnicloud.placement.model.workload import (
    Affinity,
    AntiAffinity,
    GpuRequest,
    Spread,
    Talk,
    Workload,
)

__all__ = ["read_fleet"]

T = TypeVar("T")
_SECTIONS = {"nodes", "workloads", "latencies", "options"}
_MADE_OF: Mapping[str, type] = {
    "affinity": Affinity,
    "aims": Aim,
    "anti_affinity": AntiAffinity,
    "gpu": GpuRequest,
    "gpus": Gpus,
    "numa": NumaZone,
    "power": Power,
    "requirements": Requirement,
    "spread": Spread,
    "taints": Taint,
    "talks_to": Talk,
    "tolerations": Toleration,
}
_BYTES: TypeAdapter[ByteSize] = TypeAdapter(ByteSize)


def read_fleet(path: Path) -> tuple[Snapshot, Options]:
    """What the file says; :func:`~omnicloud.placement.engine.decide.decide` checks the rest.

    Raises:
        NotFoundError: There is no such file.
        InvalidArgumentError: It is no TOML or JSON, or entries are wrong: all of them, by name.
    """
    said = _parsed(path)
    wrong: list[str] = []
    unknown = sorted(set(said) - _SECTIONS)
    if unknown:
        wrong.append(
            f"unknown sections {', '.join(unknown)}; there are {', '.join(sorted(_SECTIONS))}"
        )
    nodes = _all_of(Node, said.get("nodes"), "nodes", wrong)
    placed, pending = [], []
    for entry, node in _by_place(said.get("workloads"), wrong):
        for workload in _all_of(Workload, [entry], "workloads", wrong):
            if node is None:
                pending.append(workload)
            else:
                placed.append(Placed(workload, node))
    latencies = _all_of(Latency, said.get("latencies"), "latencies", wrong)
    options = _all_of(Options, [said.get("options", {})], "options", wrong)
    if wrong:
        raise InvalidArgumentError(f"{path}: " + "; ".join(wrong))
    by_name = sorted(placed, key=lambda one: one.workload.name)
    made = Snapshot.of(nodes, pending, latencies=latencies)
    return Snapshot(made.nodes, tuple(by_name), made.pending, made.latencies), options[0]


def _parsed(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise NotFoundError(f"there is no file {path}")
    kind = "JSON" if path.suffix == ".json" else "TOML"
    try:
        text = path.read_text(encoding="utf-8-sig")
        said = json.loads(text) if kind == "JSON" else tomllib.loads(text)
        json.dumps(said, ensure_ascii=False, default=str).encode()  # names can be written again
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{path} is no {kind}: {error}") from None
    if not isinstance(said, dict):
        raise InvalidArgumentError(f"{path} is no table of nodes and workloads")
    return said


def _by_place(entries: object, wrong: list[str]) -> Iterable[tuple[Mapping[str, Any], str | None]]:
    for entry in _tables(entries, "workloads", wrong):
        node = entry.get("node")
        if node is not None and not isinstance(node, str):
            wrong.append(f"workloads.{entry.get('name', '?')}.node: it must be a node's name")
            continue
        yield {key: value for key, value in entry.items() if key != "node"}, node


def _all_of(kind: type[T], entries: object, section: str, wrong: list[str]) -> list[T]:
    adapter = TypeAdapter(kind)
    found = []
    for number, entry in enumerate(_tables(entries, section, wrong)):
        where = f"{section}.{entry.get('name', number)}"
        unknown = _unknown(kind, entry)
        wrong += [f"{where}.{key}: unknown key" for key in unknown]
        try:
            found.append(adapter.validate_python(_plain(entry)))
        except ValidationError as error:
            for one in error.errors():
                wrong.append(".".join(map(str, (where, *one["loc"]))) + f": {one['msg']}")
        except ValueError as error:
            wrong.append(f"{where}: {error}")
    return found


def _unknown(kind: type, entry: object) -> list[str]:
    """Keys that are no field, in the entry and in what it is made of."""
    if isinstance(entry, list):
        return [key for one in entry for key in _unknown(kind, one)]
    if not isinstance(entry, dict):
        return []
    known = {field.name for field in fields(kind)}
    found = [key for key in entry if key not in known]
    for name, inner in _MADE_OF.items():
        if name in known:
            found += [f"{name}.{key}" for key in _unknown(inner, entry.get(name))]
    return found


def _tables(entries: object, section: str, wrong: list[str]) -> list[dict[str, Any]]:
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        wrong.append(f"{section}: it must be a list of tables, [[{section}]]")
        return []
    return entries


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Labels as pairs in their order, and sizes with a unit as bytes."""
    plain = dict(entry)
    for name in ("labels", "wanted"):
        if isinstance(plain.get(name), dict):
            plain[name] = tuple(sorted(plain[name].items()))
    for name in ("capacity", "request", "forecast"):
        if isinstance(plain.get(name), dict):
            plain[name] = Resources.of({key: _size(value) for key, value in plain[name].items()})
    for name in ("affinity", "anti_affinity", "spread"):
        if isinstance(plain.get(name), list):
            plain[name] = [_with_match(one) for one in plain[name]]
    return plain


def _with_match(entry: object) -> object:
    if isinstance(entry, dict) and isinstance(entry.get("match"), dict):
        pairs = tuple(sorted(entry["match"].items()))
        return {**entry, "match": {"wanted": pairs}}
    return entry


def _size(value: object) -> float:
    try:
        if isinstance(value, str):
            return float(_BYTES.validate_python(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except (ValidationError, OverflowError):
        pass
    raise ValueError(f"{value!r} is no amount, write 8GiB or a number") from None
