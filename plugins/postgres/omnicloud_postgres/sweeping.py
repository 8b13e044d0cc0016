"""Sweeping up what has ended, by those who write: now and then, a bounded part."""

from __future__ import annotations

import secrets

from omnicloud.errors import OmniCloudError, Outcome
from omnicloud_postgres.runner import Runner

__all__ = ["SWEPT_AT_ONCE", "Sweeping"]

SWEPT_AT_ONCE = 1000
"""The most rows that one statement forgets."""


class Sweeping:
    """Counts writes, and sweeps after every so many, at once again where more may be left.

    It begins somewhere between two sweeps, so that processes that write little and end do their
    part as well.
    """

    def __init__(self, runner: Runner, every: int) -> None:
        self._runner = runner
        self._every = every
        self._count = secrets.randbelow(every)

    async def before_writing(
        self, count: int, *statements: tuple[str, *tuple[object, ...]]
    ) -> None:
        """Count ``count`` writes; where it is time, run these, which answer a row for each gone.

        Raises:
            OmniCloudError: The write that was to come is not done.
        """
        self._count += count
        if self._count < self._every:
            return
        self._count %= self._every
        try:
            for statement, *arguments in statements:
                gone = await self._runner.rows(statement, *arguments)
                if len(gone) >= SWEPT_AT_ONCE:
                    self._count = self._every
        except OmniCloudError as error:
            error.outcome = Outcome.NOT_DONE
            raise
