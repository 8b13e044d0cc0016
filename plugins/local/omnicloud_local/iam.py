"""The iam contract in SQLite: a set of rules is one row, so it is replaced whole."""

from __future__ import annotations

import json
import sqlite3

from omnicloud.contracts.iam.driver import Decide, GetPolicies, PutPolicies
from omnicloud.contracts.iam.evaluate import evaluate
from omnicloud.contracts.iam.models import Decision, IAMFeature, IAMLimits, Policy, Reason
from omnicloud.contracts.iam.parse import parse_policies, policy_mapping
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import CorruptedError
from omnicloud_local.config import LocalConfig
from omnicloud_local.database import Database
from omnicloud_local.shared import database_of

__all__ = ["FEATURES", "LocalIAM", "open_iam"]

FEATURES: frozenset[Feature] = frozenset(IAMFeature)

_LIMITS = IAMLimits()

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ia_rules (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    rules TEXT NOT NULL
) WITHOUT ROWID
"""

_VERSION = "SELECT version FROM ia_rules WHERE name = ?"
_GET = "SELECT version, rules FROM ia_rules WHERE name = ?"
_PUT = """INSERT INTO ia_rules (name, version, rules) VALUES (?, 1, ?)
ON CONFLICT (name) DO UPDATE SET version = version + 1, rules = excluded.rules"""


class LocalIAM:
    """An iam driver over a :class:`Database`; each decision looks whether the rules changed."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._known: tuple[int, tuple[Policy, ...]] = (0, ())

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES

    @property
    def limits(self) -> IAMLimits:
        return _LIMITS

    async def decide(self, op: Decide, /) -> Decision:
        try:
            policies = await self._policies()
        except CorruptedError:
            return Decision(False, Reason.FAILED)
        return evaluate(policies, op.access)

    async def get_policies(self, op: GetPolicies, /) -> tuple[Policy, ...]:
        return await self._policies()

    async def put_policies(self, op: PutPolicies, /) -> None:
        written = json.dumps([policy_mapping(policy) for policy in op.policies])
        await self._database.write(lambda db: db.execute(_PUT, (self._name, written)).rowcount)

    async def aclose(self) -> None:
        """Nothing is held: the database belongs to who opened it."""

    async def _policies(self) -> tuple[Policy, ...]:
        """The rules in force, parsed once for each version of them."""
        known = self._known
        known = await self._database.read(lambda db: self._newest(db, known))
        self._known = max(known, self._known, key=lambda each: each[0])
        return known[1]

    def _newest(
        self, db: sqlite3.Connection, known: tuple[int, tuple[Policy, ...]]
    ) -> tuple[int, tuple[Policy, ...]]:
        row = db.execute(_VERSION, (self._name,)).fetchone()
        if row is None:
            return 0, ()
        if row[0] == known[0]:
            return known
        version, written = db.execute(_GET, (self._name,)).fetchone()
        return version, _parsed(written)


def _parsed(written: str) -> tuple[Policy, ...]:
    try:
        return parse_policies(json.loads(written))
    except ValueError as error:
        raise CorruptedError(
            "the stored rules cannot be read; nothing is allowed",
            hint="put the rules again with `replace`",
        ) from error


async def open_iam(config: LocalConfig, opening: Opening) -> LocalIAM:
    """An iam driver on the database of the configured folder."""
    database = await database_of(config, opening)
    await database.define(_SCHEMA)
    return LocalIAM(database, config.namespace_of(opening.service.name))
