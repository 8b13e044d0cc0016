"""What a client makes of the answers of something that is not the service."""

from __future__ import annotations

import pytest
from azure_bench import opened, settled

from omnicloud.contracts.objects.driver import Copy, Delete, DeleteMany, GetRange, List, Put, Stat
from omnicloud.errors import ConfigurationError, Outcome, UnavailableError
from omnicloud_tck.pretending import Said, pretending
from omnicloud_tck.served import Lone

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
_ANSWERS = [
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


@pytest.mark.parametrize(("status", "body"), _ANSWERS)
async def test_a_page_of_something_else_is_no_object_no_absence_and_no_success(
    status: int, body: bytes
) -> None:
    lone = Lone()
    async with pretending(
        settled(lambda _: Said(status, {}, body), {"x-ms-request-id": "1"})
    ) as one:
        driver = await opened(one.endpoint, lone)
        for call in _CALLS:
            with pytest.raises(UnavailableError) as told:
                await call.run(driver)
            assert told.value.outcome is Outcome.UNKNOWN
        await lone.aclose()


@pytest.mark.parametrize(("status", "body"), _ANSWERS)
async def test_a_page_of_something_else_at_the_opening_is_a_mistake_of_the_settings(
    status: int, body: bytes
) -> None:
    async with pretending(lambda _: Said(status, {}, body)) as one:
        with pytest.raises(ConfigurationError, match="does not speak the protocol"):
            await opened(one.endpoint, Lone())
