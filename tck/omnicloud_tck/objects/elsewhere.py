"""What a bucket's client may hear where something else answers: a proxy, a login page, a sink."""

from __future__ import annotations

from omnicloud.contracts.objects.driver import (
    Copy,
    Delete,
    DeleteMany,
    GetRange,
    List,
    ObjectsDriver,
    Put,
    Stat,
)
from omnicloud.errors import Outcome, UnavailableError
from omnicloud_tck import check

__all__ = ["ANSWERS", "expect_all_unknown"]

_PAGE = (
    b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>Please log in'
    b"</p></body></html>"
)
_CALLS = (
    Put("k", b"x"),
    Stat("k"),
    GetRange("k"),
    List(),
    Delete("k"),
    DeleteMany(("k", "l")),
    Copy("k", "l"),
)
ANSWERS = [
    (200, _PAGE),
    (200, b"{}"),
    (200, b""),
    (204, b""),
    (302, b""),
    (400, _PAGE),
    (403, _PAGE),
    (404, _PAGE),
    (404, b""),
]
"""Statuses and bodies of answers over HTTP that no service of objects gives."""


async def expect_all_unknown(driver: ObjectsDriver) -> None:
    """Expect that each request fails, with nobody knowing what became of it."""
    for call in _CALLS:
        with check.refused(UnavailableError, repr(call)):
            try:
                await call.run(driver)
            except UnavailableError as error:
                check.equal(Outcome.UNKNOWN, error.outcome, repr(call))
                raise
