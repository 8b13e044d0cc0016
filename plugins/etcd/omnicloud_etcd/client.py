"""Requests to the members of one cluster over their JSON gateway: bounded, never sent twice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TypeVar

import aiohttp
import msgspec

from omnicloud.core.clock import Clock
from omnicloud.core.opening import Opening
from omnicloud.core.tls import trusting
from omnicloud.core.unreachable import no_longer
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    Outcome,
    ThrottledError,
    UnavailableError,
)
from omnicloud_etcd.bodies import Lines, carried
from omnicloud_etcd.clock import ServerTime
from omnicloud_etcd.config import EtcdConfig
from omnicloud_etcd.errors import (
    LEASE_NOT_FOUND,
    Refusal,
    closed,
    is_login_over,
    translated,
    unconnected,
)
from omnicloud_etcd.wire import (
    Authenticate,
    Authenticated,
    Range,
    RangeAnswer,
    Refused,
    Txn,
    TxnAnswer,
    Version,
    WatchMessage,
    decode,
    encode,
)

__all__ = ["Client", "client_of"]

OLDEST = (3, 4)
"""The oldest version served: the gateway's path is /v3 since then."""

_GRACE_SECONDS = 0.2
_CLOSE_SECONDS = 0.25
_OK = 200
_WITH_LEADER = {"Grpc-Metadata-hasleader": "true"}
"""Asks a member to end a stream when it has no leader, and to begin none; else it is silent."""
_CANNOT_SERVE = 14
"""gRPC's code of a member that has no leader, starts, stops, or waited in vain for the others."""

M = TypeVar("M")
A = TypeVar("A", RangeAnswer, TxnAnswer)


class _Journey(SimpleNamespace):
    """One request on its way: whether its head was sent."""

    sent = False


async def _note_sent(_: object, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.sent = True


class Client:
    """Asks the member that answered last, or the next that can be reached.

    A member that fails otherwise than by a refusal is not asked next, though the same request
    is not sent to another: it may have been done.
    """

    def __init__(self, config: EtcdConfig, clock: Clock) -> None:
        self.config = config
        self.time = ServerTime(clock)
        self.version = ""
        self._clock = clock
        self._within = config.connect_timeout + config.answer_timeout
        self._current = 0
        self._turns = asyncio.Semaphore(config.max_connections)
        self._login = asyncio.Lock()
        self._token: str | None = None
        self._closed = False
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=_tls(config), keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=config.connect_timeout),
            trace_configs=[tracing],
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            headers={"Content-Type": "application/json"},
        )
        # A request that found its connection closed would be sent again, done or not.
        self._session._retry_connection = False  # noqa: SLF001 - there is no public way

    async def meet(self) -> None:
        """Ask the server for its version.

        Raises:
            ConfigurationError: What answers is not etcd, or older than :data:`OLDEST`.
        """
        said = await self._carried("GET", "/version", b"")
        try:
            self.version = decode(said, Version).etcdserver
            number = tuple(int(part) for part in self.version.split(".")[:2])
        except ValueError as error:  # msgspec's is one
            self.version = ""
            raise ConfigurationError(
                "what answers is not etcd", hint="give the members' client urls"
            ) from error
        if number < OLDEST:
            raise ConfigurationError(
                f"the server is etcd {self.version}, too old for this provider",
                hint=f"run etcd {OLDEST[0]}.{OLDEST[1]} or newer",
            )

    async def range(self, request: Range) -> RangeAnswer:
        """Read keys, as they stand after all that was acknowledged before."""
        return self._whole(await self.ask("/v3/kv/range", request, RangeAnswer))

    async def look(self, request: Txn) -> TxnAnswer:
        """Run a transaction that only reads."""
        return self._whole(await self.ask("/v3/kv/txn", request, TxnAnswer))

    async def txn(self, request: Txn) -> TxnAnswer:
        """Run a transaction; cancelled on its way, it is waited for a little."""
        return self._whole(await self.ask("/v3/kv/txn", request, TxnAnswer, writes=True))

    async def ask(
        self, path: str, request: msgspec.Struct, kind: type[M], *, writes: bool = False
    ) -> M:
        """Send one request and return its answer.

        Raises:
            Refusal: The server's word, of a lease that it does not know.
            ThrottledError: All connections stayed busy; not done.
            UnavailableError: No connection (not done), or no whole answer (unknown).
            OmniCloudError: As the table in ``errors`` says.
        """
        body = encode(request)
        async with self._turn():
            try:
                said = await self._authorized(path, body, writes=writes)
                return decode(said, kind)
            except msgspec.MsgspecError as error:
                raise self._garbled() from error

    @asynccontextmanager
    async def stream(self, path: str, request: msgspec.Struct) -> AsyncIterator[Lines]:
        """An answer that goes on; yields its messages, each as JSON.

        The caller bounds the waiting. Errors on the way are the library's.

        Raises:
            Refusal: The server's word; a login that may have ended is forgotten.
        """
        if self._closed:
            raise closed()
        headers = await self._headers()
        try:
            async with self._session.post(
                self.config.urls[self._current] + path,
                data=encode(request),
                headers={**(headers or {}), **_WITH_LEADER},
                trace_request_ctx=_Journey(),
            ) as response:
                if response.status != _OK:
                    raise _refusal(response.status, await response.read())
                yield Lines(response.content)
        except Refusal as error:
            if error.code == _CANNOT_SERVE:
                self._ask_the_next()
            if is_login_over(error, watching=True):
                self._forget(headers)
            raise
        except UnavailableError:
            self._ask_the_next()
            raise
        except msgspec.MsgspecError as error:
            raise self._garbled() from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise self._passed_over(error) from error
        except (aiohttp.ClientError, OSError) as error:
            self._ask_the_next()
            raise (closed() if self._closed else translated(error)) from error

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        self._closed = True
        await self._session.close()
        if self.config.urls[0].startswith("https:"):
            await asyncio.sleep(_CLOSE_SECONDS)  # asyncio ends TLS after the session's close

    async def _authorized(self, path: str, body: bytes, *, writes: bool) -> bytes:
        headers = await self._headers()
        try:
            return await self._sent(path, body, headers, writes=writes)
        except Refusal as error:
            if not is_login_over(error) or self.config.username is None:
                raise
            # Nothing was done: logins end with their time, with a member's restart, or when the
            # users of the server change.
            self._forget(headers)
        return await self._sent(path, body, await self._headers(), writes=writes)

    def _forget(self, headers: dict[str, str] | None) -> None:
        """Log in anew, unless someone has since."""
        if headers is not None and self._token == headers["Authorization"]:
            self._token = None

    async def _headers(self) -> dict[str, str] | None:
        if self.config.username is None or self.config.password is None:
            return None
        async with self._login:
            if self._token is None:
                who = Authenticate(
                    name=self.config.username, password=self.config.password.get_secret_value()
                )
                try:
                    said = await self._carried("POST", "/v3/auth/authenticate", encode(who))
                except Refusal as error:
                    raise translated(error) from None
                self._token = decode(said, Authenticated).token
        return {"Authorization": self._token}

    async def _sent(
        self, path: str, body: bytes, headers: dict[str, str] | None, *, writes: bool
    ) -> bytes:
        if not writes:
            return await self._carried("POST", path, body, headers)
        journey = _Journey()
        carrying = asyncio.ensure_future(self._carried("POST", path, body, headers, journey))
        try:
            return await asyncio.shield(carrying)
        finally:
            # A write that was cancelled might else be done after what its caller asks for next.
            if not carrying.done():
                try:
                    if journey.sent:
                        await asyncio.wait({carrying}, timeout=_GRACE_SECONDS)
                finally:
                    carrying.cancel()
                    await asyncio.wait({carrying}, timeout=_GRACE_SECONDS)
            if carrying.done() and not carrying.cancelled():
                carrying.exception()  # told to the caller already, or to no one any more

    async def _carried(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str] | None = None,
        journey: _Journey | None = None,
    ) -> bytes:
        """Send it to the current member, or to the next one that can be reached."""
        journey = journey or _Journey()
        last: OmniCloudError | None = None
        for _ in self.config.urls:
            url = self.config.urls[self._current] + path
            try:
                async with asyncio.timeout(self._within):
                    return await self._answer(method, url, body, headers, journey)
            except Refusal as error:
                if error.code == _CANNOT_SERVE:
                    self._ask_the_next()
                raise
            except OmniCloudError:
                self._ask_the_next()
                raise
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                last = self._passed_over(error)
            except TimeoutError as error:
                self._ask_the_next()
                raise UnavailableError("the server did not answer in time") from error
            except (aiohttp.ClientError, OSError) as error:
                raise self._lost(error, journey) from error
        raise last or closed()

    async def _answer(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str] | None,
        journey: _Journey,
    ) -> bytes:
        asked = self._clock.monotonic()
        async with self._session.request(
            method,
            url,
            data=carried(body),
            headers={**(headers or {}), "Content-Length": str(len(body))},
            allow_redirects=False,
            trace_request_ctx=journey,
        ) as response:
            came = self._clock.monotonic()
            said = await response.read()
            self.time.learn(response.headers.get("Date", ""), asked, came)
            if response.status != _OK:
                raise _refusal(response.status, said)
            return said

    def _passed_over(self, error: Exception) -> OmniCloudError:
        """Ask another member from now on."""
        told = unconnected(error, self.config.urls[self._current])
        told = no_longer(told) if self.version else told
        self._ask_the_next()
        told.__cause__ = error
        return told

    def _ask_the_next(self) -> None:
        """Ask another member from now on: this one may be cut off, hung, or another server."""
        self._current = (self._current + 1) % len(self.config.urls)

    def _garbled(self) -> OmniCloudError:
        self._ask_the_next()
        return UnavailableError("what answers is not etcd", hint="check urls")

    def _whole(self, answer: A) -> A:
        """An answer with the header that every one has: any JSON object reads as one without."""
        if not answer.header.revision:
            raise self._garbled()
        return answer

    def _lost(self, error: Exception, journey: _Journey) -> OmniCloudError:
        if self._closed:
            return closed()
        self._ask_the_next()
        if not journey.sent:
            return UnavailableError(
                "the connection to the server was lost", outcome=Outcome.NOT_DONE
            )
        return translated(error)

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
        except Refusal as error:
            if LEASE_NOT_FOUND in error.said:
                raise
            raise translated(error) from error
        finally:
            self._turns.release()

    async def _waited(self) -> None:
        try:
            async with asyncio.timeout(self.config.answer_timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self.config.max_connections} connections stayed busy",
                hint="raise max_connections, or send fewer calls at once",
            ) from None


async def client_of(config: EtcdConfig, opening: Opening) -> Client:
    """The client of the configured cluster, opened once in this process's cloud."""

    async def open_() -> Client:
        client = Client(config, opening.clock)
        try:
            await client.meet()
        except BaseException:
            await client.aclose()
            raise
        return client

    secret = None if config.password is None else config.password.get_secret_value()
    key = ("etcd", config.model_dump_json(exclude={"password", "namespace"}), secret)
    return await opening.share(key, open_)


def _refusal(status: int, said: bytes) -> Exception:
    try:
        refused = _refused(said)
    except msgspec.MsgspecError:
        return UnavailableError(f"what answers says {status} and is not etcd", hint="check urls")
    return Refusal(refused.number, refused.words)


def _refused(said: bytes) -> Refused:
    """What a request is refused with, or one for a stream."""
    try:
        return decode(said, Refused)
    except msgspec.MsgspecError:
        return decode(said, WatchMessage).error or Refused()


def _tls(config: EtcdConfig) -> ssl.SSLContext | bool:
    if not config.urls[0].startswith("https:"):
        return True
    return trusting(config.tls_ca_file, config.tls_cert_file, config.tls_key_file)
