"""Leave to replace one version of one object, for one writer at a time.

The service compares ETags, and equal content has an equal ETag: of two writers with one
condition, both would succeed where one writes what is there already. So a writer that names a
version first creates an object of its own beside it, which the service lets only one of them do.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import md5, sha256
from math import ceil

import anyio

from omnicloud.core.clock import Clock
from omnicloud.core.moments import moment_of
from omnicloud.errors import ConflictError, OmniCloudError, Outcome, UnavailableError
from omnicloud_s3.client import LONGEST_SECONDS, Client, checksum_headers

__all__ = ["Claims"]

_FOLDER = "~~claims/"  # in no key of ours
_LAST_SECONDS = 0.5
_ALWAYS: Mapping[str, str] = {}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2
_SECONDS = "x-amz-meta-omni-seconds"


@dataclass(frozen=True, slots=True)
class Claims:
    """Claims in one bucket, below ``prefix``."""

    client: Client
    clock: Clock
    prefix: str

    @asynccontextmanager
    async def held(
        self,
        key: str,
        version: str,
        check: Callable[[], Awaitable[None]],
        seconds: float = 0.0,
    ) -> AsyncIterator[None]:
        """Hold the claim on a version meanwhile.

        It is given up at the end, but where it is not known whether the version was replaced:
        then it stays, and is taken over once no request of its holder can still be under way.

        Args:
            check: Raises where the object has not that version any more; asked while others
                hold the claim, and once it is held.
            seconds: That the request which is made meanwhile may take, as :meth:`Client.ask` has
                them; others wait for so much longer before they take the claim over.

        Raises:
            UnavailableError: Others held it all the time; not done.
        """
        claim, token = self.name(key, version), secrets.token_bytes(16)
        try:
            await self._take(claim, token, check, seconds)
        except ConflictError:
            raise
        except BaseException:
            # It may be ours without our knowing; another's has another token.
            own = {"if-match": f'"{md5(token, usedforsecurity=False).hexdigest()}"'}
            await self._give_up(claim, own)
            raise
        try:
            await check()
            yield
        except OmniCloudError as error:
            if error.outcome is Outcome.NOT_DONE:
                await self._give_up(claim)
            raise
        except BaseException:
            # Cancelled: what was sent has been seen through, or its connection is cut.
            await self._give_up(claim)
            raise
        await self._give_up(claim)

    def name(self, key: str, version: str) -> str:
        """What the claim is called in the bucket."""
        digest = sha256(f"{key}/{version}".encode()).hexdigest()
        return f"{self.prefix}{_FOLDER}{digest}"

    async def _take(
        self, claim: str, token: bytes, check: Callable[[], Awaitable[None]], seconds: float
    ) -> None:
        pause, seen, since = _FIRST_PAUSE, "", self.clock.monotonic()
        until = since + 4 * self.client.config.answer_timeout
        while seen or not await self._created(claim, token, "if-none-match", "*", seconds):
            now = self.clock.monotonic()
            if now > until:
                raise UnavailableError(
                    "another writer of that version does not end", outcome=Outcome.NOT_DONE
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            await check()
            told = (await self.client.ask("HEAD", claim)).headers
            holder = told.get("etag", "")
            if holder != seen:
                seen, since = holder, now
            is_over = bool(holder) and self._is_over(told, now - since)
            if is_over and await self._created(claim, token, "if-match", holder, seconds):
                return

    def _is_over(self, told: Mapping[str, str], watched: float) -> bool:
        """Whether no request of a claim's holder can still be under way.

        Args:
            told: The headers of the claim.
            watched: Seconds that it has been seen to be the same; the service may know of more.
        """
        answer = self.client.config.answer_timeout
        lease = 2 * (answer + _longer(told))
        return watched > lease or _age(told) > lease + answer

    async def _created(
        self, claim: str, token: bytes, condition: str, etag: str, seconds: float = 0.0
    ) -> bool:
        digest = sha256(token).hexdigest()
        headers = {condition: etag, _SECONDS: f"{ceil(seconds)}", **checksum_headers(digest)}
        answer = await self.client.ask("PUT", claim, headers=headers, body=token, digest=digest)
        if answer.status in (404, 412):
            return False
        if answer.status == 409:  # the service is at the same write for another
            return False
        if answer.status != 200:
            raise answer.refused()
        return True

    async def _give_up(self, claim: str, condition: Mapping[str, str] = _ALWAYS) -> None:
        """Best effort, bounded: what happened to the write is what there is to tell."""
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            try:
                await self.client.ask("DELETE", claim, headers=condition)
            except OmniCloudError:
                return


def _longer(told: Mapping[str, str]) -> float:
    """What a claim says of its holder's request."""
    said = told.get(_SECONDS, "")
    return min(float(said), 2 * LONGEST_SECONDS) if said.isdecimal() else 0.0


def _age(told: Mapping[str, str]) -> float:
    """How old an object is in seconds, by the service's clock; 0 where it does not say."""
    try:
        return moment_of(told["date"]) - moment_of(told["last-modified"])
    except (KeyError, ValueError):
        return 0.0
