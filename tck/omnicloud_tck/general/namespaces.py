"""A law about services that keep their names apart in one backend."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from omnicloud.contracts.documents.driver import Begin as BeginDocuments
from omnicloud.contracts.kv.driver import Begin as BeginKV
from omnicloud.core.context import ServiceInfo
from omnicloud.core.names import MAX_NAME_BYTES, MAX_TENANT_BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud.core.transactions import ended
from omnicloud.errors import ConflictError, OmniCloudError
from omnicloud_tck.check import equal
from omnicloud_tck.contract import Contract
from omnicloud_tck.general.requests import requests_of
from omnicloud_tck.law import Rung, law
from omnicloud_tck.probes import Scoping
from omnicloud_tck.world import World

__all__ = ["BEGIN", "Namespaces"]

_PLAIN = (bool, int, type(None))
_TENANT, _BEGINNING = "t" * MAX_TENANT_BYTES, "n" * (MAX_NAME_BYTES - 48)  # room for what follows
_LONGEST_BYTES = 2 + MAX_TENANT_BYTES + MAX_NAME_BYTES
BEGIN: dict[str, Any] = {"kv": BeginKV, "documents": BeginDocuments}
"""What begins a transaction, of contracts that keep payloads."""
_ALONE, _ONE, _OTHER = b"alone-11", b"one-2222", b"other-33"

Answers = list[object]


class Namespaces(Contract):
    """Every verb stays within its service, and within its tenant."""

    @law(
        "G-086",
        "Two services of one backend, or two tenants of one service, are answered as if they were "
        "alone.",
        rung=Rung.TRUST,
    )
    async def each_is_alone(self, world: World[Any]) -> None:
        expected = await self._expected(world)
        for pair in await _pairs(world, ""):
            await self._alike(expected, *pair)
        if "transaction" in (await world.driver()).features and self.contract in BEGIN:
            await self._alike_inside(world)

    async def _alike_inside(self, world: World[Any]) -> None:
        """The same in transactions: what there is was written before, by both."""
        alone = await world.pipeline(Scoping("alone inside"))
        expected = await self._inside(await self._asked(alone, _ALONE))
        for one, two in await _pairs(world, " inside"):
            mine, theirs = await self._asked(one, _ONE), await self._asked(two, _OTHER)
            equal(expected, await self._inside(mine), "answers in a transaction, beside another")
            equal(expected, await self._inside(theirs), "answers in a transaction, after another")

    async def _inside(self, asked: _Asked) -> Answers:
        transaction = await asked.pipe.send(BEGIN[self.contract]())
        answers: Answers = []
        try:
            async with ended(transaction):
                inside = asked.within(transaction)
                answers += [await inside.next() for _ in inside.requests]
        except ConflictError as error:  # after a call that was refused it may be
            answers.append(type(error).__name__)
        return answers

    @law(
        "G-096",
        "The longest names of the tenants with the longest names are apart by their ends, whatever "
        "is asked about them.",
        rung=Rung.TRUST,
    )
    async def the_longest_names_are_apart(self, world: World[Any]) -> None:
        driver, service = await world.driver(), ServiceInfo("tck")
        if driver.limits.name_max_bytes < _LONGEST_BYTES:
            return
        one, two = (
            Pipeline(driver, (_Beginning(end),), service=service, owned=False) for end in "12"
        )
        await self._alike(await self._expected(world), one, two)

    async def _expected(self, world: World[Any]) -> Answers:
        """What a tenant is answered beside whom there is no other."""
        alone = await self._asked(await world.pipeline(Scoping("alone")), _ALONE)
        return [await alone.next() for _ in alone.requests]

    async def _alike(self, expected: Answers, one: Pipeline[Any], two: Pipeline[Any]) -> None:
        mine, theirs = await self._asked(one, _ONE), await self._asked(two, _OTHER)
        for answer, op in zip(expected, mine.requests, strict=True):
            equal(answer, await mine.next(), f"{op.name}, beside another")
            equal(answer, await theirs.next(), f"{op.name}, after another")

    async def _asked(self, pipe: Pipeline[Any], payload: bytes) -> _Asked:
        return _Asked(pipe, payload, await requests_of(self.contract, pipe, payload))


class _Beginning(Scoping):
    """Lets every name of a tenant begin alike but for the last character of the beginning."""

    def __init__(self, end: str) -> None:
        super().__init__(_TENANT)
        self._scope = replace(self._scope, prefix=f"{self._scope.prefix}{_BEGINNING}{end}")


class _Asked:
    """Who asks for one thing after another."""

    def __init__(self, pipe: Pipeline[Any], payload: bytes, requests: list[Any]) -> None:
        self.requests, self.pipe, self._payload = requests, pipe, payload
        self._left = iter(requests)

    def within(self, transaction: object) -> _Asked:
        """Who asks for the same inside a transaction."""
        inside = self.pipe.around(self.pipe.driver.within(transaction))
        return _Asked(inside, self._payload, self.requests)

    async def next(self) -> object:
        """What is answered, as far as it is no matter of versions."""
        op = next(self._left)
        if hasattr(op, "owner"):  # two services do not share their processes
            op = replace(op, owner=self._payload.decode())
        try:
            answer = await self.pipe.send(op)
            found = _listed(answer)
            while found is not None and answer.cursor is not None:
                answer = await self.pipe.send(replace(op, cursor=answer.cursor))
                found += _listed(answer) or 0
        except OmniCloudError as error:
            return type(error).__name__
        return self._shape(answer) if found is None else found

    def _shape(self, answer: Any) -> object:
        if isinstance(answer, tuple):
            return [self._shape(one) for one in answer]
        for held in ("value", "data"):
            if (found := getattr(answer, held, None)) is not None:
                return type(answer).__name__, found == self._payload
        return answer if isinstance(answer, _PLAIN) else type(answer).__name__


async def _pairs(world: World[Any], mark: str) -> list[tuple[Pipeline[Any], Pipeline[Any]]]:
    """Two tenants of one service, and two services of one tenant where the world has them."""
    one, two = [await world.pipeline(Scoping(f"{name}{mark}")) for name in ("one", "two")]
    strange = getattr(world, "stranger", None)
    if strange is None:
        return [(one, two)]
    layers = (Scoping(f"both{mark}"),)
    other = Pipeline(await strange(), layers, service=ServiceInfo("else"), owned=False)
    return [(one, two), (await world.pipeline(*layers), other)]


def _listed(page: Any) -> int | None:
    """How many are on a page of a listing."""
    lists = (getattr(page, listed, None) for listed in ("keys", "names", "items"))
    return next((len(found) for found in lists if isinstance(found, tuple)), None)
