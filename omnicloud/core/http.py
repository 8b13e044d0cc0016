"""HTTP requests of drivers: bounded in time and number, never sent twice, seen through.

For providers whose service speaks HTTP; they depend on aiohttp, this library itself does not.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from yarl import URL

from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    OmniCloudError,
    Outcome,
    ThrottledError,
    UnavailableError,
)

__all__ = ["Answer", "Bounds", "Wire"]

_MIB = 1 << 20
_PIECE_BYTES = 256 << 10
_CLOSE_SECONDS = 0.25
_GRACE_SECONDS = 0.2
_KEPT_SECONDS = 15
_READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a service; headers are named in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a wire is held to.

    Attributes:
        timeout: Seconds for one answer; one more for each MiB that is carried.
        connect_timeout: Seconds to connect, TLS included.
        max_connections: Requests at once; more wait their turn, at most ``timeout``.
        tls_ca_file: PEM file of the authorities to trust; ``None``: the system's.
    """

    timeout: float = 10.0
    connect_timeout: float = 5.0
    max_connections: int = 64
    tls_ca_file: Path | None = None


class _Journey:
    """One request on its way."""

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], body: Sequence[bytes]
    ) -> None:
        self.method, self.url, self.headers, self._body = method, url, headers, body
        self.size_bytes = sum(map(len, body))
        self.head_sent = False
        self._body_sent = self.size_bytes <= _PIECE_BYTES

    @property
    def sent(self) -> bool:
        """Whether the service may have all of it."""
        return self.head_sent and self._body_sent

    def data(self) -> bytes | AsyncIterator[memoryview] | None:
        """The body as aiohttp takes it; a large one in pieces, between which the loop turns."""
        return self._pieces() if not self._body_sent else b"".join(self._body) or None

    async def _pieces(self) -> AsyncIterator[memoryview]:
        for part in self._body:
            view = memoryview(part)
            for start in range(0, len(part), _PIECE_BYTES):
                yield view[start : start + _PIECE_BYTES]
        self._body_sent = True

    @staticmethod
    async def note_head(_: object, context: SimpleNamespace, __: object) -> None:
        """Note that the head of the request was sent; a signal of aiohttp's."""
        context.trace_request_ctx.head_sent = True


class Wire:
    """Connections to a service. Redirects are not followed, and no request is repeated."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._turns = asyncio.Semaphore(bounds.max_connections)
        self._closed = False
        self._secure = False
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_Journey.note_head)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, ssl=_tls(bounds.tls_ca_file), keepalive_timeout=_KEPT_SECONDS
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=bounds.connect_timeout),
            trace_configs=[tracing],
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
        )
        # A request that found its connection closed would be sent again, done or not.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public way

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | Sequence[bytes] = b""
    ) -> Answer:
        """Send one request and return its whole answer, whatever it says.

        A write that is cancelled after it was sent is waited for, 0.2 s at most: else it might
        be done after what its caller asks for next, on another connection.

        Args:
            url: Encoded, with its query.
            headers: All but the body's length.
            body: In one piece or several.

        Raises:
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer (unknown).
            ConfigurationError: TLS failed; not done.
            ClosedError: The wire was closed.
        """
        journey = _Journey(method, url, headers, [body] if isinstance(body, bytes) else body)
        async with self._turn():
            self._secure = self._secure or url.startswith("https:")
            try:
                if method in _READING:
                    return await self._carried(journey)
                return await self._seen_through(journey)
            except TimeoutError as error:
                if isinstance(error, aiohttp.ConnectionTimeoutError):
                    raise _unreachable(error) from error
                raise UnavailableError("the service did not answer in time") from error
            except (aiohttp.ClientError, OSError) as error:
                raise (_over() if self._closed else _unreachable(error)) from error

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        self._closed = True
        await self._session.close()
        if self._secure:
            await asyncio.sleep(_CLOSE_SECONDS)  # asyncio ends TLS after the session's close

    async def _seen_through(self, journey: _Journey) -> Answer:
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
        seconds = self.bounds.timeout
        deadline = asyncio.timeout(seconds + journey.size_bytes / _MIB)
        async with deadline:
            request = self._session.request(
                journey.method,
                URL(journey.url, encoded=True),
                headers={**journey.headers, "content-length": str(journey.size_bytes)},
                data=journey.data(),
                allow_redirects=False,
                trace_request_ctx=journey,
            )
            async with request as response:
                length = response.content_length or 0
                loop = asyncio.get_running_loop()
                deadline.reschedule(loop.time() + seconds + length / _MIB)
                said = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, said, await response.read())

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._closed:
            raise _over()
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
            async with asyncio.timeout(self.bounds.timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self.bounds.max_connections} connections stayed busy",
                hint="raise max_connections, or send fewer calls at once",
            ) from None


def _tls(authorities: Path | None) -> ssl.SSLContext | bool:
    if authorities is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(authorities))
    except OSError as error:
        raise ConfigurationError(
            f"tls_ca_file cannot be read: {authorities}", hint="give a PEM file"
        ) from error


def _unreachable(error: Exception) -> OmniCloudError:
    """The error for a request without a whole answer."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return ConfigurationError(
            "the TLS handshake with the service failed",
            hint="check that it speaks TLS, its certificate's name, and tls_ca_file",
        )
    if isinstance(error, ssl.SSLError):
        return UnavailableError("the TLS connection to the service broke")
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return UnavailableError("the service cannot be reached", outcome=Outcome.NOT_DONE)
    return UnavailableError("the connection to the service was lost")


def _over() -> ClosedError:
    return ClosedError("the connection to the service is closed")
