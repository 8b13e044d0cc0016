"""Reference drivers with one small change each, under the laws: ``python tck/tests/mutants.py``.

Each change (see :mod:`mutating`) is compiled and tried in a forked process of its own, on the
laws of the contracts that its file serves, those that have killed most in the least time first,
until one breaks. Prints what survived, as a diff, and the rates by file. Most survivors cannot
be told from the driver that is right; the others show what the laws do not see.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import functools
import gc
import importlib
import json
import logging
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

sys.path.insert(0, str(Path(__file__).parent))

from mutating import Change, applied, changes
from omnicloud_tck.contract import Contract
from omnicloud_tck.contracts import contract_class
from omnicloud_tck.law import Law, laws_of
from omnicloud_tck.programs import playing
from omnicloud_tck.runner import Verdict, try_law

SERVES: dict[str, tuple[str, ...]] = {
    "omnicloud.memory.kv": ("kv",),
    "omnicloud.memory.cache": ("cache",),
    "omnicloud.memory.shelf": ("cache",),
    "omnicloud.memory.objects": ("objects",),
    "omnicloud.memory.documents": ("documents",),
    "omnicloud.memory.secrets": ("secrets",),
    "omnicloud.memory.messaging": ("messaging",),
    "omnicloud.memory.queue": ("messaging",),
    "omnicloud.memory.topic": ("messaging",),
    "omnicloud.memory.outbox": ("outbox",),
    "omnicloud.memory.sagas": ("sagas",),
    "omnicloud.memory.locks": ("locks",),
    "omnicloud.memory.breaker": ("breaker",),
    "omnicloud.memory.iam": ("iam",),
    "omnicloud.memory.containers": ("containers",),
    "omnicloud.memory.box": ("containers",),
    "omnicloud.memory.boxes": ("containers",),
    "omnicloud.memory.attached": ("containers",),
    "omnicloud.memory.store": ("kv", "documents", "outbox", "messaging"),
    "omnicloud.contracts.locks.line": ("locks",),
    "omnicloud.contracts.breaker.keeper": ("breaker",),
    "omnicloud.core.circuit": ("breaker",),
    "omnicloud.contracts.iam.evaluate": ("iam",),
    "omnicloud.contracts.iam.patterns": ("iam",),
    "omnicloud.contracts.documents.engine": ("documents",),
    "omnicloud.contracts.documents.filters": ("documents",),
    "omnicloud.contracts.documents.updates": ("documents",),
    "omnicloud.contracts.objects.listing": ("objects",),
    "omnicloud.contracts.containers.restarts": ("containers",),
}
"""The modules whose changes are tried, and the contracts that they serve."""

KILLS = Path(__file__).parent / "known_kills.json"
FORK = multiprocessing.get_context("fork")
LAW_SECONDS = 20.0
"""Of processor time, after which a law counts as broken: the driver hangs."""
TRIAL_SECONDS = 600.0
"""Of real time for all laws together; a mutant that takes longer hangs."""
EXAMPLES = 12


@dataclass(slots=True)
class Order:
    """In which order the laws of a contract are tried: most kills a second first."""

    contract: type[Contract]
    seconds: dict[str, float] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def laws(self) -> list[Law]:
        """Those that hold without a change."""
        held = [law for law in laws_of(self.contract) if law.id in self.seconds]
        return sorted(held, key=lambda law: -self._worth(law.id))

    def _worth(self, law: str) -> float:
        return (self.kills[law] + 0.1) / (self.seconds[law] + 0.02)


@dataclass(frozen=True, slots=True)
class Trial:
    """A change and how it came out; ``law`` is empty where none was broken."""

    module: str
    change: Change
    diff: str
    law: str
    reason: str
    seconds: float


def tried(orders: list[Order], tell: Connection) -> None:
    """In a process of its own: the laws in order, until one breaks."""
    _be_quiet()
    from omnicloud_tck.reference import world  # imports the drivers, with the change

    for order in orders:
        for law in order.laws():
            tell.send(("trying", law.id, ""))
            signal.setitimer(signal.ITIMER_PROF, LAW_SECONDS)
            contract = order.contract
            make_world = functools.partial(world, contract.contract)
            result = try_law(contract(), law, make_world, examples=EXAMPLES)
            if result.verdict is Verdict.BROKEN:
                tell.send(("killed", law.id, result.reason))
                return
    tell.send(("survived", "", ""))


def timed(contract: str, tell: Connection) -> None:
    """In a process of its own: how long each law takes that holds without a change."""
    _be_quiet()
    from omnicloud_tck.reference import world

    wanted = contract_class(contract)
    for law in laws_of(wanted):
        started = time.process_time()
        result = try_law(wanted(), law, functools.partial(world, contract), examples=EXAMPLES)
        if result.verdict is Verdict.HELD:
            tell.send((law.id, time.process_time() - started))


def _be_quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    logging.disable()
    playing._TRIES = 0  # only whether a law is broken counts: no program is made small


def measured(contract: str) -> Order:
    """The order at first: by time, and by the broken drivers that each law is known to kill."""
    heard, tell = FORK.Pipe(duplex=False)
    process = FORK.Process(target=timed, args=(contract, tell))
    process.start()
    tell.close()
    order = Order(contract_class(contract))
    with heard:
        for law, seconds in _messages(heard):
            order.seconds[law] = seconds
    process.join()
    known: dict[str, list[str]] = json.loads(KILLS.read_text())
    order.kills.update(law for laws in known.values() for law in laws if law in order.seconds)
    return order


def _messages(heard: Connection) -> Iterator[tuple[str, float]]:
    while True:
        try:
            yield heard.recv()
        except EOFError:
            return


def outcome(source: str, code: CodeType, module: str, orders: list[Order]) -> tuple[str, str]:
    """The law that a changed module breaks, if one, and why."""
    heard, tell = FORK.Pipe(duplex=False)

    def run() -> None:
        with in_place(module, code):
            tried(orders, tell)

    process = FORK.Process(target=run)
    process.start()
    tell.close()
    law, until = "import", time.monotonic() + TRIAL_SECONDS
    try:
        while heard.poll(max(0.0, until - time.monotonic())):
            word, named, reason = heard.recv()
            law = named
            if word == "survived":
                return "", ""
            if word == "killed":
                return law, reason
        return law, "hung"
    except EOFError:
        return law, "died or hung"
    finally:
        process.kill()
        process.join()
        heard.close()


@contextmanager
def in_place(module: str, code: CodeType) -> Iterator[None]:
    """The drivers, once they are imported, use that code in place of the module's own.

    What the drivers share with the portable classes is changed for the drivers alone, and only
    in its functions: its types stay those that requests are made of.
    """
    if _shared(module):
        _imported_from(module, code)
        yield
        return
    usual = SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, name: str) -> CodeType | None:
        return code if name == module else usual(self, name)

    SourceFileLoader.get_code = get_code  # type: ignore[assignment,method-assign] # of a fork
    yield


def _imported_from(module: str, code: CodeType) -> None:
    """Let the drivers import changed functions, and others that call them."""
    neighbours = [name for name in SERVES if SERVES[name] == SERVES[module] and _shared(name)]
    usual = {name: importlib.import_module(name) for name in neighbours}
    changed: dict[object, object] = {}
    for name in sorted(usual, key=lambda one: one != module):
        made = ModuleType(name)
        made.__dict__.update(vars(usual[name]))
        text = code if name == module else compiled_functions(name)
        exec(text, made.__dict__)
        changed |= {
            value: made.__dict__[key]
            for key, value in vars(usual[name]).items()
            if _is_function(value) and value.__module__ == name
        }
        sys.modules[name] = made
    for name in usual:
        space = sys.modules[name].__dict__
        for key, value in list(space.items()):
            if _is_function(value) and value in changed:
                space[key] = changed[value]
    importlib.import_module("omnicloud_tck.reference")
    importlib.import_module("omnicloud.memory.open")
    sys.modules.update(usual)


def _is_function(value: object) -> bool:
    return isinstance(value, FunctionType | functools._lru_cache_wrapper)


def _shared(module: str) -> bool:
    return not module.startswith("omnicloud.memory")


@functools.cache
def compiled_functions(module: str) -> CodeType:
    """The functions of a module, as they are."""
    return _compiled(ast.unparse(parsed(module)), module)


def parsed(module: str) -> ast.Module:
    """What of a module may be changed."""
    tree = ast.parse(_path(module).read_text())
    if _shared(module):
        future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
        tree.body = [future, *(one for one in tree.body if isinstance(one, ast.FunctionDef))]
    return tree


def reached(module: str, tree: ast.Module) -> set[int] | None:
    """The lines of the functions that drivers call, directly or not; ``None`` is every line."""
    if not _shared(module):
        return None
    users = [*_path("omnicloud.memory.store").parent.glob("*.py")]
    users += [_path(name) for name in SERVES if _shared(name) and name != module]
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    waiting = [name for path in users for name in _imported(path, module) if name in functions]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            called = (node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name))
            waiting += [other for other in called if other in functions]
    ranges = (
        range(one.lineno, (one.end_lineno or 0) + 1) for one in map(functions.get, found) if one
    )
    return {line for lines in ranges for line in lines}


def _imported(path: Path, module: str) -> list[str]:
    imports = (
        one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.ImportFrom)
    )
    return [each.name for one in imports if one.module == module for each in one.names]


def _compiled(source: str, module: str) -> CodeType:
    return compile(source, str(_path(module)), "exec", dont_inherit=True)


def _path(module: str) -> Path:
    found = find_spec(module.rpartition(".")[0])
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / f"{module.rpartition('.')[2]}.py"


def trials(module: str, sample: int | None, seed: int, orders: list[Order]) -> Iterator[Trial]:
    """Changes of a module, all or so many drawn, each tried."""
    tree = parsed(module)
    before = ast.unparse(tree)
    lines = reached(module, tree)
    candidates = [one for one in changes(tree) if lines is None or one.line in lines]
    drawn = random.Random(f"{module} {seed}")
    if sample is not None and sample < len(candidates):
        candidates = drawn.sample(candidates, sample)
    for change in candidates:
        with applied(change):
            after = ast.unparse(ast.fix_missing_locations(tree))
        if after == before:
            continue
        code = _compiled(after, module)
        started = time.perf_counter()
        law, reason = outcome(after, code, module, orders)
        for order in orders:
            order.kills[law] += law in order.seconds
        diff = _diff(before, after)
        yield Trial(module, change, diff, law, reason, time.perf_counter() - started)


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
    return "\n".join(list(lines)[3:])


def told(trial: Trial) -> None:
    """Print a survivor."""
    where = f"{trial.module}:{trial.change.line}: {trial.change.what}"
    if trial.law:
        return
    print(f"SURVIVED {where} ({trial.seconds:.0f} s)\n{trial.diff}\n", flush=True)


def main(arguments: Iterable[str] | None = None) -> int:
    """Try a sample of each module; exit code 0, whatever survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", default=list(SERVES))
    parser.add_argument("--sample", type=int, default=None, help="of each module; all by default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(None if arguments is None else list(arguments))
    for contract in {name for module in options.modules for name in SERVES[module]}:
        contract_class(contract)
    gc.freeze()
    orders: dict[str, Order] = {}
    all_tried = all_killed = 0
    for module in options.modules:
        mine = [orders.get(name) or measured(name) for name in SERVES[module]]
        orders |= dict(zip(SERVES[module], mine, strict=True))
        killed = count = 0
        for trial in trials(module, options.sample, options.seed, mine):
            told(trial)
            count += 1
            killed += bool(trial.law)
        all_tried, all_killed = all_tried + count, all_killed + killed
        print(f"{module}: {killed} of {count} killed", flush=True)
    print(f"all: {all_killed} of {all_tried} killed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
