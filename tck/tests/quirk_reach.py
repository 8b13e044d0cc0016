"""What the laws ask of reference drivers, and the place where a driver can be made odd."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import importlib
import inspect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from mutants import FORK, _be_quiet
from omnicloud.core.operation import Effect as Doing
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import laws_of
from omnicloud_tck.reference import world
from omnicloud_tck.runner import try_law
from quirk_triggers import TRIGGERS, Seen, Trigger, given, met, optional

__all__ = [
    "DRIVERS",
    "Reach",
    "driver_of",
    "every_law",
    "methods_of",
    "patched",
    "reached",
    "triggers_of",
]

_CONTRACTS = (
    *("breaker", "cache", "containers", "documents", "iam", "kv"),
    *("locks", "messaging", "objects", "outbox", "sagas", "secrets"),
)
DRIVERS = {name: f"omnicloud.memory.{name}" for name in _CONTRACTS}
EXAMPLES = 12
_KEPT = 40


@dataclass(slots=True)
class Reach:
    """Under which conditions the laws of a contract ask its requests, and what these look like."""

    hits: dict[str, Counter[str]]
    ops: dict[str, type]
    doing: dict[str, Doing]
    places: dict[str, list[str]]
    answers: dict[str, list[str]]


def driver_of(contract: str) -> type:
    """The reference driver's class."""
    module = importlib.import_module(DRIVERS[contract])
    found = [
        one
        for name, one in vars(module).items()
        if name.startswith("Memory")
        and one.__module__ == module.__name__
        and inspect.isclass(one)
        and hasattr(one, "aclose")
        and hasattr(one, "limits")
    ]
    (only,) = found
    return only


def methods_of(kind: type) -> list[str]:
    """What answers requests."""
    return sorted(
        name
        for name, one in inspect.getmembers(kind, inspect.iscoroutinefunction)
        if not name.startswith("_") and name != "aclose"
    )


Around = Callable[[Callable[[Any], Any], Seen], Any]


def patched(kind: type, around: Around) -> None:
    """Let each request of the drivers of a class go through ``around``."""
    for method in methods_of(kind):
        setattr(kind, f"quirkless_{method}", getattr(kind, method))
        setattr(kind, method, _wrapped(method, around))


def _wrapped(method: str, around: Around) -> Any:
    async def called(self: Any, op: Any, /) -> Any:
        seen = met(self, method, op)
        server, usual = (
            seen.server,
            functools.partial(getattr(type(self), f"quirkless_{method}"), self),
        )
        state = "failed"
        call = around(usual, seen)
        server.calls += 1
        name = seen.name
        server.busy[name] += 1
        try:
            answer = await call
            state = "answered"
        except asyncio.CancelledError:
            state = "cancelled"
            raise
        finally:
            server.busy[name] -= 1
            server.ended[id(self)] = state
            server.times.update(seen.names)
            server.asked[f"{method} {op!r} {seen.payloads!r}"] += 1
            told = (method, asyncio.get_running_loop().time(), seen.client)
            server.last.update(dict.fromkeys(seen.names, told))
        server.answers[method, name] = server.answers[method, "any"] = answer
        if op.effect is not Doing.READ:
            server.writes.append((self, method, op))
            del server.writes[:-_KEPT]
        return answer

    return called


def triggers_of(op: type, methods: Iterable[str]) -> dict[str, Trigger]:
    """All conditions under which a request may come."""
    found = dict(TRIGGERS)
    for option, default in optional(op).items():
        found[f"{option} is given"] = given(option, default)
    for method in methods:
        found[f"after {method}"] = lambda seen, method=method: seen.before[0] == method
    return found


def _places(value: Any, depth: int = 2, where: str = "") -> set[str]:
    found = {where}
    if depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            inner = f"{where}.{one.name}" if where else one.name
            found |= _places(getattr(value, one.name), depth - 1, inner)
    elif depth and isinstance(value, tuple | list) and value:
        for index in ("0", "-1"):
            inner = f"{where}.{index}" if where else index
            found |= _places(value[int(index)], depth - 1, inner)
    return found


def _look(contract: str, tell: Connection) -> None:
    _be_quiet()
    kind = driver_of(contract)
    methods = methods_of(kind)
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    ops: dict[str, type] = {}
    doing: dict[str, Doing] = {}
    places: dict[str, set[str]] = defaultdict(set)
    answers: dict[str, set[str]] = defaultdict(set)
    triggers: dict[str, dict[str, Trigger]] = {}
    counted: Counter[str] = Counter()

    async def around(usual: Callable[[Any], Any], seen: Seen) -> Any:
        method, op = seen.method, seen.op
        if method not in triggers:
            triggers[method] = triggers_of(type(op), methods)
            ops[method], doing[method] = type(op), op.effect
        if op.effect is not Doing.READ:
            doing[method] = op.effect
        for name, trigger in triggers[method].items():
            if hits[method][name] < _KEPT and trigger(seen):
                hits[method][name] += 1
        counted[method] += 1
        few = counted[method] < 400 or not counted[method] % 37
        if few:
            places[method] |= _places(op) - {""}
        answer = await usual(op)
        if few:
            answers[method] |= _places(answer)
        return answer

    patched(kind, around)
    for _ in every_law(contract):
        pass
    tell.send(
        Reach(
            {name: +count for name, count in hits.items()},
            ops,
            doing,
            {name: sorted(one) for name, one in places.items()},
            {name: sorted(one) for name, one in answers.items()},
        )
    )


def every_law(contract: str) -> Iterator[str]:
    """Try all laws of a contract, however they come out; each is told before it is tried."""
    wanted = contract_class(contract)
    for law in laws_of(wanted):
        yield law.id
        try_law(wanted(), law, functools.partial(world, contract), examples=EXAMPLES)


def reached(contract: str) -> Reach:
    """Try all laws without a quirk and see what they ask."""
    heard, tell = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_look, args=(contract, tell))
    process.start()
    tell.close()
    found: Reach = heard.recv()
    process.join()
    return found
