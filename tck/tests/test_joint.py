"""A transaction over several contracts is one, and drivers of which it is none are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.documents.driver import Begin
from omnicloud.contracts.kv import KV
from omnicloud.contracts.outbox import Outbox
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import MemoryKV
from omnicloud.memory.outbox import MemoryOutbox
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.check import Broken
from omnicloud_tck.joint import check_joint

Services = tuple[KV[str], Documents, Outbox]
Wrong = Callable[["Joining", object], Any]


class Joining:
    """Documents as they are, but for what joins a transaction."""

    def __init__(self, driver: MemoryDocuments, wrong: Wrong) -> None:
        self.driver = driver
        self._wrong = wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)

    def within(self, transaction: object) -> Any:
        return self._wrong(self, transaction)


class Split:
    """Takes reads and writes to different drivers."""

    def __init__(self, reads: Any, writes: Any) -> None:
        self._reads, self._writes = reads, writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writes if name == "insert" else self._reads, name)


class Deaf:
    """Says that it has written."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return self._heard if name == "insert" else getattr(self._driver, name)

    async def _heard(self, op: Any) -> str:
        return "1"


class Own:
    """Is in a transaction of its own, which ends with each write."""

    def __init__(self, driver: MemoryDocuments) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return self._insert if name == "insert" else getattr(self._driver, name)

    async def _insert(self, op: Any) -> Any:
        begun = await self._driver.begin(Begin())
        answer = await self._driver.within(begun).insert(op)
        await begun.commit()
        return answer


class Late:
    """Goes on outside once the transaction has ended."""

    def __init__(self, driver: MemoryDocuments, begun: Any) -> None:
        self._driver, self._begun = driver, begun

    def __getattr__(self, name: str) -> Any:
        over = self._begun._end.is_set()
        return getattr(self._driver if over else self._driver.within(self._begun), name)


WRONG: dict[str, tuple[Wrong, str]] = {
    "reads outside": (
        lambda one, begun: Split(one.driver, one.driver.within(begun)),
        "does not see inside",
    ),
    "writes nothing": (lambda one, begun: Deaf(one.driver.within(begun)), "does not see inside"),
    "has no end": (lambda one, begun: Late(one.driver, begun), "once it was committed"),
}


ELSEWHERE: dict[str, Wrong] = {
    "writes at once": lambda one, _: one.driver,
    "ends by itself": lambda one, _: Own(one.driver),
}


def _services(wrong: Wrong | None = None, *, aside: bool = False) -> Services:
    """All on one store, but for documents that are ``aside``: there they wait for nobody."""
    store = MemoryStore(SYSTEM_CLOCK)
    documents: Any = MemoryDocuments(MemoryStore(SYSTEM_CLOCK) if aside else store, "documents")
    if wrong is not None:
        documents = Joining(documents, wrong)
    return (
        KV(Pipeline(MemoryKV(store, "kv")), TEXT),
        Documents(Pipeline(documents)),
        Outbox(Pipeline(MemoryOutbox(store, "outbox"))),
    )


async def test_services_of_one_store_share_a_transaction() -> None:
    await check_joint(*_services())


@pytest.mark.parametrize("name", WRONG)
async def test_a_driver_that_joins_in_a_wrong_way_is_found(name: str) -> None:
    wrong, said = WRONG[name]
    with pytest.raises(Broken, match=said):
        await check_joint(*_services(wrong))


@pytest.mark.parametrize("name", ELSEWHERE)
async def test_a_driver_that_takes_no_part_is_found(name: str) -> None:
    with pytest.raises(Broken, match="seen before the commit"):
        await check_joint(*_services(ELSEWHERE[name], aside=True))
