"""Transactions of the writer's that cannot begin."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from omnicloud.errors import Outcome, UnavailableError
from omnicloud_local.turnstile import Turnstile
from omnicloud_local.writer import Writer


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0.05, isolation_level=None, check_same_thread=False)


async def test_a_transaction_that_never_had_the_database_was_not_overtaken(tmp_path: Path) -> None:
    path = tmp_path / "db"
    other = _connected(path)
    writer = Writer(lambda: _connected(path), Turnstile(path, 10.0), lambda: None, "test")
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError) as caught:
            await writer.begin(path)
        assert caught.value.outcome is Outcome.NOT_DONE
        other.execute("ROLLBACK")
        await (await writer.begin(path)).rollback()
    finally:
        writer.close()
        other.close()
