"""Leave to replace one version of one object, for one writer at a time.

The service compares ETags, and equal content has an equal ETag: of two writers with one
condition, both would succeed where one writes what is there already. So a writer that names a
version first creates an object of its own beside it, which the service lets only one of them do.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from omnicloud.core.clock import Clock
from omnicloud.errors import OmniCloudError, Outcome, UnavailableError
from omnicloud_s3.client import Client

__all__ = ["Claims"]

_FOLDER = "~~claims/"  # in no key of ours
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims in one bucket, below ``prefix``."""

    client: Client
    clock: Clock
    prefix: str

    @asynccontextmanager
    async def held(self, key: str, version: str) -> AsyncIterator[None]:
        """Hold the claim on a version meanwhile.

        It is given up at the end, but where it is not known whether the version was replaced:
        then it stays, and is taken over once no request of its holder can still be under way.

        Raises:
            UnavailableError: Others held it all the time; not done.
        """
        claim = f"{self.prefix}{_FOLDER}{sha256(f'{key}/{version}'.encode()).hexdigest()}"
        await self._take(claim)
        try:
            yield
        except OmniCloudError as error:
            if error.outcome is Outcome.NOT_DONE:
                await self._give_up(claim)
            raise
        await self._give_up(claim)

    async def _take(self, claim: str) -> None:
        lease = 2 * self.client.config.timeout
        pause, seen, since = _FIRST_PAUSE, "", self.clock.monotonic()
        until = since + 2 * lease
        while not await self._created(claim, "if-none-match", "*"):
            now = self.clock.monotonic()
            if now > until:
                raise UnavailableError(
                    "another writer of that version does not end", outcome=Outcome.NOT_DONE
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            holder = (await self.client.ask("HEAD", claim)).headers.get("etag", "")
            if holder != seen:
                seen, since = holder, now
            elif holder and now - since > lease and await self._created(claim, "if-match", holder):
                return

    async def _created(self, claim: str, condition: str, etag: str) -> bool:
        token = secrets.token_bytes(16)
        answer = await self.client.ask("PUT", claim, headers={condition: etag}, body=token)
        if answer.status in (404, 412):
            return False
        if answer.status == 409:  # the service is at the same write for another
            return False
        if answer.status != 200:
            raise answer.refused()
        return True

    async def _give_up(self, claim: str) -> None:
        answer = await self.client.ask("DELETE", claim)
        if answer.status not in (200, 204, 404):
            raise answer.refused()
