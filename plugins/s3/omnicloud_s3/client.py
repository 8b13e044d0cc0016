"""Requests to one service: signed, bounded in time and number, never sent twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp
from yarl import URL

from omnicloud.core.clock import Clock
from omnicloud.core.opening import Opening
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    ThrottledError,
    UnavailableError,
)
from omnicloud_s3.answers import error_code, field_of
from omnicloud_s3.config import S3Config
from omnicloud_s3.credentials import Credentials, credentials_of
from omnicloud_s3.errors import closed, refusal, unreachable
from omnicloud_s3.signing import EMPTY_SHA256, UNSIGNED, encoded, presigned, query_of, signed

__all__ = ["Answer", "Client", "client_of"]

_MIB = 1 << 20
_PIECE_BYTES = 256 << 10
_CLOSE_SECONDS = 0.25
_GRACE_SECONDS = 0.2
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of the service; headers are named in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

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

    def refused(self) -> OmniCloudError:
        """The error that this answer is."""
        after = self.headers.get("retry-after", "")
        return refusal(self.status, self.code, float(after) if after.isdigit() else None)


class _Journey:
    """One request on its way."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method, self.url, self.headers, self.body = method, url, headers, body
        self.head_sent = False
        self._body_sent = len(body) <= _PIECE_BYTES

    @property
    def sent(self) -> bool:
        """Whether the service may have all of it."""
        return self.head_sent and self._body_sent

    def data(self) -> bytes | AsyncIterator[memoryview] | None:
        """The body as aiohttp takes it; a large one in pieces, between which the loop turns."""
        return self._pieces() if not self._body_sent else self.body or None

    async def _pieces(self) -> AsyncIterator[memoryview]:
        view = memoryview(self.body)
        for start in range(0, len(self.body), _PIECE_BYTES):
            yield view[start : start + _PIECE_BYTES]
        self._body_sent = True

    @staticmethod
    async def note_head(_: object, context: SimpleNamespace, __: object) -> None:
        """Note that the head of the request was sent; a signal of aiohttp's."""
        context.trace_request_ctx.head_sent = True


class Client:
    """Requests below one URL. Redirects are not followed, and no request is repeated."""

    def __init__(self, config: S3Config, credentials: Credentials, clock: Clock) -> None:
        self.clock = clock
        self.config = config
        self._credentials = credentials
        self._turns = asyncio.Semaphore(config.max_connections)
        self._closed = False
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_Journey.note_head)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=_tls(config), keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=config.connect_timeout),
            trace_configs=[tracing],
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        )
        # A request that found its connection closed would be sent again, done or not.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public way

    async def ask(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        digest: str | None = None,
    ) -> Answer:
        """Send one request and return its whole answer, whatever it says.

        Args:
            key: As the service knows it; empty for the bucket.
            digest: SHA-256 of the body in hex, where it is known.

        Raises:
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer (unknown).
            ConfigurationError: TLS failed; not done.
        """
        keys = await self._credentials.keys()
        url = self.url(key, query)
        payload = digest or (UNSIGNED if body else EMPTY_SHA256)
        async with self._turn():
            at = self.clock.wall()
            sent = signed(method, url, headers or {}, payload, keys, self.config.region, at)
            journey = _Journey(method, url, sent, body)
            try:
                if method in _READING:
                    return await self._carried(journey)
                return await self._seen_through(journey)
            except TimeoutError as error:
                if isinstance(error, aiohttp.ConnectionTimeoutError):
                    raise unreachable(error) from error
                raise UnavailableError("the service did not answer in time") from error
            except (aiohttp.ClientError, OSError) as error:
                raise (closed() if self._closed else unreachable(error)) from error

    async def presigned(self, method: str, key: str, seconds: int) -> str:
        """A URL that allows one method on one key for so many seconds."""
        keys = await self._credentials.keys()
        at = self.clock.wall()
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
        self._closed = True
        await self._session.close()
        if self.config.base.startswith("https:"):
            await asyncio.sleep(_CLOSE_SECONDS)  # asyncio ends TLS after the session's close

    async def _seen_through(self, journey: _Journey) -> Answer:
        """Carry a write; when cancelled after it was sent, wait a little for what became of it.

        Else it might be done after what its caller asks for next, on another connection.
        """
        carrying = asyncio.ensure_future(self._carried(journey))
        try:
            return await asyncio.shield(carrying)
        finally:
            if not carrying.done():
                try:
                    if journey.sent:
                        await asyncio.wait({carrying}, timeout=_GRACE_SECONDS)
                finally:
                    carrying.cancel()
                    await asyncio.wait({carrying}, timeout=_GRACE_SECONDS)

    async def _carried(self, journey: _Journey) -> Answer:
        deadline = asyncio.timeout(self.config.timeout + len(journey.body) / _MIB)
        async with deadline:
            request = self._session.request(
                journey.method,
                URL(journey.url, encoded=True),
                headers={**journey.headers, "content-length": str(len(journey.body))},
                data=journey.data(),
                allow_redirects=False,
                trace_request_ctx=journey,
            )
            async with request as response:
                length = response.content_length or 0
                loop = asyncio.get_running_loop()
                deadline.reschedule(loop.time() + self.config.timeout + length / _MIB)
                said = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, said, await response.read())

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._closed:
            raise closed()
        if self._turns.locked():
            await self._waited()
        else:
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def _waited(self) -> None:
        try:
            async with asyncio.timeout(self.config.timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self.config.max_connections} connections stayed busy",
                hint="raise max_connections, or send fewer calls at once",
            ) from None


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
    if answer.status >= 300:
        raise answer.refused()
    if b"ListBucketResult" not in answer.body:
        raise ConfigurationError(
            "what answers at the endpoint does not speak the protocol of S3",
            hint="check endpoint",
        )


def _tls(config: S3Config) -> ssl.SSLContext | bool:
    if config.tls_ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(config.tls_ca_file))
    except OSError as error:
        raise ConfigurationError(
            f"tls_ca_file cannot be read: {config.tls_ca_file}", hint="give a PEM file"
        ) from error
