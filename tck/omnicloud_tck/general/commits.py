"""A law about the end of a transaction that the backend does not hear."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from omnicloud.core.transactions import Transaction
from omnicloud.errors import (
    ConflictError,
    DeadlineExceededError,
    InvalidArgumentError,
    OmniCloudError,
    Outcome,
    UnavailableError,
)
from omnicloud_tck.check import refused, that
from omnicloud_tck.general.kept import Common, Kept, Pipe
from omnicloud_tck.general.namespaces import BEGIN
from omnicloud_tck.law import Ability, Rung, law
from omnicloud_tck.world import World

__all__ = ["Commits"]

_OUTAGE_SECONDS = 20.0
_OLD, _NEW = b"older", b"newer"


class Commits(Kept):
    """For contracts of ``BEGIN``: a transaction ends in what was told of its end."""

    @law(
        "G-103",
        "A commit in an outage is an error, or what it commits is there; no begin is a conflict.",
        needs=[Common.TRANSACTION],
        abilities=[Ability.OUTAGE],
    )
    async def no_commit_is_swallowed(self, world: World[Any]) -> None:
        pipe, other = await world.pipeline(), await world.pipeline()
        names = ("changed", "new")
        await self.put(pipe, "changed", _OLD)
        transaction = await pipe.send(BEGIN[self.contract]())
        inside = pipe.around(pipe.driver.within(transaction))
        for name in names:
            await self.put(inside, name, _NEW)
        async with world.outage():
            outcome = await _committed(transaction)
            for client in (pipe, other, other):
                await self._begins(client)
        with contextlib.suppress(OmniCloudError):
            await transaction.rollback()
        found = [await self.take(other, name) for name in names]
        done, undone = found == [_NEW, _NEW], found == [_OLD, None]
        that(done or undone, f"a commit in an outage left {found}")
        that(done or outcome is not None, "a commit in an outage ended well, and nothing is there")
        that(undone or outcome is not Outcome.NOT_DONE, "a commit told as not done was done")

    async def _begins(self, pipe: Pipe) -> None:
        """A transaction that begins in an outage, if it does, is not told to be a conflict."""
        try:
            async with asyncio.timeout(_OUTAGE_SECONDS):
                begun: Transaction = await pipe.send(BEGIN[self.contract]())
                await begun.rollback()
        except OmniCloudError as error:
            known = isinstance(error, UnavailableError | DeadlineExceededError)
            that(known, f"a beginning in an outage is told as {type(error).__name__}")
        except TimeoutError:
            that(False, f"a beginning in an outage had not ended after {_OUTAGE_SECONDS:.0f} s")

    @law(
        "G-104",
        "What is no transaction of the store is refused.",
        needs=[Common.TRANSACTION],
        rung=Rung.SHAPE,
    )
    async def foreign_transactions_are_refused(self, world: World[Any]) -> None:
        pipe = await world.pipeline()
        for foreign in (object(), None, "transaction", pipe):
            with refused(InvalidArgumentError, f"a {type(foreign).__name__} as transaction"):
                pipe.driver.within(foreign)


async def _committed(transaction: Transaction) -> Outcome | None:
    """What its error says became of a commit; ``None`` where there is no error."""
    try:
        async with asyncio.timeout(_OUTAGE_SECONDS):
            await transaction.commit()
    except OmniCloudError as error:
        known = (UnavailableError, DeadlineExceededError, ConflictError)
        that(isinstance(error, known), f"a commit in an outage is told as {type(error).__name__}")
        return Outcome.NOT_DONE if isinstance(error, ConflictError) else error.outcome
    except TimeoutError:
        that(False, f"a commit in an outage had not ended after {_OUTAGE_SECONDS:.0f} s")
    return None
