"""Requests to one service: signed, bounded in time and number, never sent twice."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from omnicloud.core import http
from omnicloud.core.clock import Clock
from omnicloud.core.hallmark import OF_ANY_GATEWAY, Hallmark
from omnicloud.core.opening import Opening
from omnicloud.errors import (
    ConfigurationError,
    InvalidArgumentError,
    OmniCloudError,
    UnavailableError,
)
from omnicloud_s3.answers import error_code, field_of
from omnicloud_s3.config import S3Config
from omnicloud_s3.credentials import Credentials, credentials_of
from omnicloud_s3.errors import bare_400, refusal
from omnicloud_s3.signing import EMPTY_SHA256, UNSIGNED, encoded, presigned, query_of, signed

__all__ = ["LONGEST_SECONDS", "Answer", "Client", "checksum_headers", "client_of"]

LONGEST_SECONDS = 300.0
"""That the service may take for one request, beyond what it takes to carry its bytes."""

_HALLMARK = "x-amz-request-id"


@dataclass(frozen=True, slots=True)
class Answer(http.Answer):
    """A whole answer of the service."""

    @property
    def code(self) -> str:
        """The service's word for what went wrong; empty where it gave none."""
        return error_code(self.body)

    @property
    def etag(self) -> str:
        """The ETag without its quotes.

        Raises:
            UnavailableError: There is none: the answer is not the service's.
        """
        etag = self.headers.get("etag", "").strip('"')
        if not etag:
            raise UnavailableError("the service's answer has no ETag")
        return etag

    @property
    def told_etag(self) -> str:
        """The ETag that the body says, of a copy or of a completed upload."""
        return field_of(self.body, "ETag").strip('"')

    @property
    def size_bytes(self) -> int:
        """How long the object is that a ``HEAD`` asked for."""
        return int(self.headers.get("content-length", "0"))

    def refused(self) -> OmniCloudError:
        """The error that this answer is."""
        if self.status == 400 and not self.body and _HALLMARK in self.headers:
            return bare_400()
        after = self.headers.get("retry-after", "")
        return refusal(self.status, self.code, float(after) if after.isdigit() else None)


class Client:
    """Requests below one URL. Redirects are not followed, and no request is repeated."""

    def __init__(self, config: S3Config, credentials: Credentials, clock: Clock) -> None:
        self.clock = clock
        self.config = config
        self._credentials = credentials
        self._wire = http.Wire(config.bounds)
        self.hallmark = Hallmark(_HALLMARK)

    async def ask(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        digest: str | None = None,
        seconds: float = 0.0,
    ) -> Answer:
        """Send one request and return its whole answer, whatever it says.

        Args:
            key: As the service knows it; empty for the bucket.
            digest: SHA-256 of the body in hex, where it is known.
            seconds: That the service may take beyond ``answer_timeout`` and what it takes to
                carry the bytes.

        Raises:
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer, or that of
                something else (unknown).
            ConfigurationError: TLS failed; not done.
        """
        keys = await self._credentials.keys()
        url = self.url(key, query)
        payload = digest or (UNSIGNED if body else EMPTY_SHA256)
        at = self.clock.wall()
        sent = signed(method, url, headers or {}, payload, keys, self.config.region, at)
        answer = await self._wire.ask(method, url, sent, body, seconds=seconds)
        self.hallmark.check(answer)
        return Answer(answer.status, answer.headers, answer.body)

    async def presigned(self, method: str, key: str, seconds: int) -> str:
        """A URL that allows one method on one key for so many seconds.

        Raises:
            InvalidArgumentError: The credentials are known to end before.
        """
        keys = await self._credentials.keys(seconds)
        at = self.clock.wall()
        if keys.until is not None and at + seconds > keys.until:
            raise InvalidArgumentError(
                f"expires_in is {seconds} s, but the credentials that sign the URL end in "
                f"{max(0, int(keys.until - at))} s",
                hint="sign with the key of a user, or for a shorter time",
            )
        return presigned(method, self.url(key), keys, self.config.region, at, seconds)

    def url(self, key: str = "", query: Mapping[str, str] | None = None) -> str:
        """The encoded URL of a key, or of the bucket."""
        url = f"{self.config.base}/{encoded(key, '/')}"
        return f"{url}?{query_of(query)}" if query else url

    def source(self, key: str) -> str:
        """What a copy calls its source."""
        return f"/{self.config.bucket}/{encoded(key, '/')}"

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        await self._wire.aclose()


def checksum_headers(digest: str) -> dict[str, str]:
    """What makes the service compare the body with its SHA-256, which is given in hex.

    Some do not compare the digest that a request is signed with; a bucket that locks objects
    by default takes none without.
    """
    return {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(digest)).decode()}


async def client_of(config: S3Config, opening: Opening) -> Client:
    """The client of the configured bucket, opened once in this process's cloud.

    Raises:
        ConfigurationError: There is no such bucket, or what answers does not speak the protocol.
    """

    async def open_() -> Client:
        client = Client(config, await credentials_of(config), opening.clock)
        try:
            await _check(client)
        except BaseException:
            await client.aclose()
            raise
        return client

    secrets = tuple(
        None if secret is None else secret.get_secret_value()
        for secret in (config.secret_key, config.session_token)
    )
    shown = config.model_dump_json(exclude={"secret_key", "session_token", "prefix"})
    return await opening.share(("s3", shown, secrets), open_)


async def _check(client: Client) -> None:
    """Ask for a listing of nothing: unlike HEAD its refusal says why."""
    answer = await client.ask("GET", query={"list-type": "2", "max-keys": "0"})
    if answer.status == 200 and b"ListBucketResult" in answer.body:
        client.hallmark.learn(answer)
        return
    # The service itself gives its own word with each refusal.
    if answer.status != 200 and (answer.code or answer.status in OF_ANY_GATEWAY):
        raise answer.refused()
    raise ConfigurationError(
        f"what answers {answer.status} at the endpoint does not speak the protocol of S3",
        hint="check endpoint",
    )
