"""The breaker contract in SQLite: one row a circuit. Times are the wall clock's."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from omnicloud.contracts.breaker.driver import Admit, Look, Report, Reset
from omnicloud.contracts.breaker.keeper import admitted, read, reported, reset
from omnicloud.contracts.breaker.models import Admission, BreakerFeature, BreakerLimits, Reading
from omnicloud.core.circuit import CLOSED_CIRCUIT, Circuit, CircuitSettings, Slice
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalBreaker", "open_breaker"]

FEATURES: frozenset[Feature] = frozenset(BreakerFeature)

_LIMITS = BreakerLimits()

A = TypeVar("A")
Op = Admit | Report | Look | Reset
Change = Callable[[Circuit, float], tuple[Circuit, A]]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS br_circuit (
    name TEXT NOT NULL,
    circuit TEXT NOT NULL,
    generation INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    opened REAL,
    trial TEXT NOT NULL,
    trial_until REAL NOT NULL,
    parts TEXT NOT NULL,
    PRIMARY KEY (name, circuit)
) WITHOUT ROWID
"""

_GET = """SELECT generation, failures, opened, trial, trial_until, parts
FROM br_circuit WHERE name = ? AND circuit = ?"""
_PUT = """INSERT OR REPLACE INTO br_circuit
(name, circuit, generation, failures, opened, trial, trial_until, parts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


class LocalBreaker:
    """A breaker driver over a :class:`Database`."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> BreakerLimits:
        return _LIMITS

    async def admit(self, op: Admit, /) -> Admission:
        return await self._change(op, lambda circuit, now: admitted(circuit, op, now))

    async def report(self, op: Report, /) -> Reading:
        return await self._change(op, lambda circuit, now: reported(circuit, op, now))

    async def look(self, op: Look, /) -> Reading:
        def find(db: sqlite3.Connection) -> Reading:
            now = self._database.clock.wall()
            return read(self._circuit(db, op, now), op.settings, now)

        return await self._database.read(find)

    async def reset(self, op: Reset, /) -> Reading:
        return await self._change(op, lambda circuit, now: reset(circuit, op, now))

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    async def _change(self, op: Op, change: Change[A]) -> A:
        """Change a circuit; where it stays as it is, as it does in calm times, only read it."""

        def look(db: sqlite3.Connection) -> tuple[bool, A]:
            now = self._database.clock.wall()
            before = self._circuit(db, op, now)
            after, answer = change(before, now)
            return after == before, answer

        def write(db: sqlite3.Connection) -> A:
            now = self._database.clock.wall()
            after, answer = change(self._circuit(db, op, now), now)
            db.execute(_PUT, (self._name, op.circuit, *_columns(after)))
            return answer

        same, answer = await self._database.read(look)
        return answer if same else await self._database.write(write)

    def _circuit(self, db: sqlite3.Connection, op: Op, now: float) -> Circuit:
        row = db.execute(_GET, (self._name, op.circuit)).fetchone()
        if row is None:
            return CLOSED_CIRCUIT
        generation, failures, opened, trial, trial_until, parts = row
        window = tuple(Slice(*part) for part in json.loads(parts))
        circuit = Circuit(generation, failures, opened, trial, trial_until, window)
        return _not_of_the_future(circuit, op.settings, now)


def _not_of_the_future(circuit: Circuit, settings: CircuitSettings, now: float) -> Circuit:
    """The circuit with moments that a wall clock set back has made future ones cut to now."""
    opened, until = circuit.opened_at, now + settings.trial_seconds
    if (opened is None or opened <= now) and circuit.trial_until <= until:
        return circuit
    return replace(
        circuit,
        opened_at=None if opened is None else min(opened, now),
        trial_until=min(circuit.trial_until, until),
    )


def _columns(circuit: Circuit) -> tuple[int, int, float | None, str, float, str]:
    return (
        circuit.generation,
        circuit.failures,
        circuit.opened_at,
        circuit.trial,
        circuit.trial_until,
        json.dumps(circuit.window),
    )


async def open_breaker(config: LocalConfig, opening: Opening) -> LocalBreaker:
    """A breaker driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(_SCHEMA)
    return LocalBreaker(database, config.namespace_of(opening.service.name))
