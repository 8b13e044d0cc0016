"""A disk without room: what SQLite says of it when it writes, and already when it opens."""

from __future__ import annotations

import sqlite3

import pytest

from omnicloud.errors import Outcome, ResourceExhaustedError
from omnicloud_local.errors import translated


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE])
def test_a_full_disk_is_exhausted_whatever_there_was_no_room_for(code: int) -> None:
    native = sqlite3.OperationalError("disk I/O error")
    native.sqlite_errorcode = code
    said = translated(native, "opening")
    assert type(said) is ResourceExhaustedError
    assert said.outcome is Outcome.NOT_DONE
    assert "free some space" in str(said)
