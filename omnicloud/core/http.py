"""HTTP requests of drivers: bounded in time and number, never sent twice, seen through."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from omnicloud.core.http1 import Answer, Connection, LostError, head_of
from omnicloud.core.tls import trusting
from omnicloud.core.unreachable import no_longer, unreachable
from omnicloud.errors import (
    ClosedError,
    ConfigurationError,
    InvalidArgumentError,
    OmniCloudError,
    ThrottledError,
    UnavailableError,
)

__all__ = ["Answer", "Bounds", "Wire"]

_MIB = 1 << 20
_WHO = "the service"
_GRACE_SECONDS = 0.2
_KEPT_SECONDS = 15.0
_READING = frozenset({"GET", "HEAD"})
_PORTS = {"http": 80, "https": 443}


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


class _Place(NamedTuple):
    """Where requests go.

    Attributes:
        named: Host and port as the URL has them.
        hurry: Seconds after which the next address of the host is tried beside the one before.
    """

    host: str
    port: int
    secure: bool
    named: str
    hurry: float | None


class _Idle(NamedTuple):
    """A connection that waits for its next request, and since when."""

    connection: Connection
    since: float


class Wire:
    """Connections to a service. Redirects are not followed, and no request is repeated."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._turns = asyncio.Semaphore(bounds.max_connections)
        self._closed = False
        self._met: set[_Place] = set()
        self._tls = None if bounds.tls_ca_file is None else trusting(bounds.tls_ca_file)
        self._idle: dict[_Place, deque[_Idle]] = {}
        self._busy: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    async def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | Sequence[bytes] = b"",
        *,
        seconds: float = 0.0,
    ) -> Answer:
        """Send one request and return its whole answer, whatever it says.

        A write that is cancelled after it was sent is waited for, 0.2 s at most: else it might
        be done after what its caller asks for next, on another connection.

        Args:
            url: Encoded, with its query.
            headers: All but the body's length.
            body: In one piece or several.
            seconds: That the service may take besides what the bounds allow for the answer.

        Raises:
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer (unknown).
            ConfigurationError: TLS failed, and did so from the beginning; not done.
            InvalidArgumentError: A header or the URL holds what would end its line; not done.
            ClosedError: The wire was closed.
        """
        parts = (body,) if isinstance(body, bytes) else body
        place, target = _taken_apart(url)
        try:
            head = head_of(method, target, place.named, headers, sum(map(len, parts)))
        except ValueError as error:
            raise InvalidArgumentError(f"the request cannot be sent: {error}") from None
        await self._turn()
        try:
            connection = await self._connected(place)
            try:
                return await self._carried(connection, method, head, parts, seconds)
            except TimeoutError as error:
                raise UnavailableError("the service did not answer in time") from error
            except (LostError, OSError) as error:
                raise (_over() if self._closed else _lost(error)) from error
            finally:
                self._released(place, connection)
        finally:
            self._turns.release()

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        self._closed = True
        for connection in self._busy:
            connection.abort()
        for idle in self._idle.values():
            _end(idle)
        if self._sweeping is not None:
            self._sweeping.cancel()
        await asyncio.sleep(0)

    async def _carried(
        self,
        connection: Connection,
        method: str,
        head: bytes,
        parts: Sequence[bytes],
        longer: float,
    ) -> Answer:
        loop = asyncio.get_running_loop()
        seconds = self.bounds.timeout + longer

        def told(length: int) -> None:
            if length >= _MIB:
                deadline.reschedule(loop.time() + seconds + length / _MIB)

        deadline = asyncio.timeout(seconds + sum(map(len, parts)) / _MIB)
        answer = connection.begin(method, head, parts, told)
        try:
            async with deadline:
                if not connection.sent:
                    await connection.send(parts)
                return await asyncio.shield(answer)
        except asyncio.CancelledError:  # the caller's; the deadline's is a TimeoutError by now
            if method not in _READING and connection.sent:
                await asyncio.wait({answer}, timeout=_GRACE_SECONDS)
            raise
        finally:
            if not answer.done():
                answer.cancel()
                connection.abort()
            elif not answer.cancelled():
                answer.exception()  # seen, whether or not anyone waited for it

    async def _connected(self, place: _Place) -> Connection:
        idle = self._idle.get(place)
        while idle:
            connection, since = idle.pop()
            if connection.usable and asyncio.get_running_loop().time() - since < _KEPT_SECONDS:
                self._busy.add(connection)
                return connection
            connection.abort()
        try:
            async with asyncio.timeout(self.bounds.connect_timeout):
                connection = await self._dialled(place)
        except TimeoutError as error:
            raise unreachable(_WHO, place.named, error) from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            told = ConfigurationError(
                "the TLS handshake with the service failed",
                hint="check that it speaks TLS, its certificate's name, and tls_ca_file",
            )
            raise (no_longer(told) if place in self._met else told) from error
        except OSError as error:
            raise unreachable(_WHO, place.named, error) from error
        self._busy.add(connection)
        self._met.add(place)
        if self._closed:  # meanwhile
            self._released(place, connection)
            raise _over()
        return connection

    async def _dialled(self, place: _Place) -> Connection:
        if place.secure and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection,
            place.host,
            place.port,
            ssl=self._tls if place.secure else None,
            happy_eyeballs_delay=place.hurry,
        )
        return connection

    def _released(self, place: _Place, connection: Connection) -> None:
        self._busy.discard(connection)
        if self._closed or not connection.usable:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._idle.setdefault(place, deque()).append(_Idle(connection, loop.time()))
        if self._sweeping is None:
            self._sweeping = loop.call_later(_KEPT_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long: services close such too, as a request comes."""
        loop = asyncio.get_running_loop()
        self._sweeping = None
        for place, idle in list(self._idle.items()):
            while idle and loop.time() - idle[0].since >= _KEPT_SECONDS:
                idle.popleft().connection.abort()
            if not idle:
                del self._idle[place]
        if self._idle:
            self._sweeping = loop.call_later(_KEPT_SECONDS, self._sweep)

    async def _turn(self) -> None:
        if self._closed:
            raise _over()
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(self.bounds.timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self.bounds.max_connections} connections stayed busy",
                hint="raise max_connections, or send fewer calls at once",
            ) from None


def _taken_apart(url: str) -> tuple[_Place, str]:
    scheme, _, rest = url.partition("://")
    cut = len(rest)
    for end in "/?#":
        found = rest.find(end, 0, cut)
        cut = found if found >= 0 else cut
    target = rest[cut:].partition("#")[0]
    return _place(scheme, rest[:cut]), target if target.startswith("/") else f"/{target}"


@lru_cache(maxsize=256)
def _place(scheme: str, netloc: str) -> _Place:
    try:
        parts = urlsplit(f"{scheme}://{netloc}")
        host, port = parts.hostname, parts.port or _PORTS[scheme]
    except (ValueError, KeyError):
        host, port = None, 0
    if not host or "@" in netloc:
        raise InvalidArgumentError(
            "the URL must be http:// or https:// with a host",
            hint="credentials do not belong into it",
        )
    return _Place(host, port, scheme == "https", netloc, None if _is_address(host) else 0.25)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _end(idle: deque[_Idle]) -> None:
    while idle:
        idle.pop().connection.abort()


def _lost(error: Exception) -> OmniCloudError:
    if isinstance(error, ssl.SSLError):
        return UnavailableError("the TLS connection to the service broke")
    return UnavailableError("the connection to the service was lost")


def _over() -> ClosedError:
    return ClosedError("the connection to the service is closed")
