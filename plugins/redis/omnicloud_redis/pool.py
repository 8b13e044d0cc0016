"""Connections to the server, each with one call at a time.

redis-py's connections, in a pool of our own: the pool knows whether a request was sent when a
call fails, and whatever does not end with a whole answer (an error of the network, a timeout,
a cancellation) costs the connection, which never carries another call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis import exceptions as native
from redis.asyncio.connection import AbstractConnection

from omnicloud.core.unreachable import no_longer
from omnicloud.errors import Outcome, ThrottledError, UnavailableError
from omnicloud_redis.commands import Argument, packed
from omnicloud_redis.errors import closed, is_misplaced, translated, unconnected

__all__ = ["Pool"]

_TURNS_AWAKE = 2
"""Turns of the loop for which a call that is alone looks for its answer before it sleeps."""


class Pool:
    """At most ``most`` connections; a call that finds none waits its turn.

    Args:
        make: Makes a connection that is not connected yet.
        where: The server's address, for errors.
        timeout: Seconds for an answer, and for a turn.
        connect_timeout: Seconds to connect.
    """

    def __init__(
        self,
        make: Callable[[], AbstractConnection],
        where: str,
        *,
        most: int,
        timeout: float,
        connect_timeout: float,
    ) -> None:
        self._make = make
        self._where = where
        self._most = most
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._turns = asyncio.Semaphore(most)
        self._idle: list[AbstractConnection] = []
        self._busy: set[AbstractConnection] = set()
        self._closed = False
        self._met = False

    @property
    def open_connections(self) -> int:
        """How many connections there are, idle ones included."""
        return len(self._idle) + len(self._busy)

    async def call(self, command: Sequence[Argument], wait: float = 0.0) -> Any:
        """Send one command and return its answer as redis-py parses it.

        Args:
            wait: Seconds that the server may lawfully take before it answers.

        Raises:
            redis.exceptions.ResponseError: The server's word; the caller translates it.
            UnavailableError: No connection (not done), or no whole answer (unknown).
            ThrottledError: All connections stayed busy; not done.
        """
        await self._turn()
        try:
            connection = await self._connected()
            self._busy.add(connection)
            try:
                answer = await self._asked(connection, command, self._timeout + wait)
            except native.ResponseError as error:
                if is_misplaced(error):
                    _abandon(connection)
                    self._drop_idle()
                else:
                    self._idle.append(connection)
                raise
            except BaseException:
                _abandon(connection)
                raise
            else:
                self._idle.append(connection)
                return answer
            finally:
                self._busy.discard(connection)
                if self._closed:
                    self._drop_idle()
        finally:
            self._turns.release()

    async def aclose(self) -> None:
        """Close all connections; calls in flight end with their answers lost."""
        self._closed = True
        self._drop_idle()
        for connection in self._busy:
            _abandon(connection)
        await asyncio.sleep(0)

    async def _turn(self) -> None:
        if self._closed:
            raise closed()
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(self._timeout):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError(
                f"all {self._most} connections stayed busy for {self._timeout} s",
                hint="raise max_connections, or send fewer calls at once",
            ) from None

    async def _connected(self) -> AbstractConnection:
        while self._idle:
            connection = self._idle.pop()
            if await _is_fresh(connection):
                return connection
            _abandon(connection)
        connection = self._make()
        connect: Callable[[], Awaitable[None]] = connection.connect
        try:
            async with asyncio.timeout(self._connect_timeout):
                await connect()
        except TimeoutError as error:
            _abandon(connection)
            raise UnavailableError(
                f"the server at {self._where} did not let us in within {self._connect_timeout} s",
                hint="check the url, and whether the server speaks TLS where it says rediss",
                outcome=Outcome.NOT_DONE,
            ) from error
        except (native.RedisError, OSError) as error:
            _abandon(connection)
            told = unconnected(error, self._where)
            raise (no_longer(told) if self._met else told) from error
        except BaseException:
            _abandon(connection)
            raise
        self._met = True
        return connection

    async def _asked(
        self, connection: AbstractConnection, command: Sequence[Argument], seconds: float
    ) -> Any:
        try:
            async with asyncio.timeout(seconds):
                if len(self._busy) > 1:
                    await asyncio.sleep(0)  # all that is ready is sent in one go
                await connection.send_packed_command(packed(command), check_health=False)
                if len(self._busy) == 1:
                    for _ in range(_TURNS_AWAKE):
                        await asyncio.sleep(0)
                return await connection.read_response()
        except native.ResponseError:
            raise
        except TimeoutError as error:
            # Nor may who is at the other ends of the others, since a failover say.
            self._drop_idle()
            raise UnavailableError(f"the server did not answer within {seconds:.1f} s") from error
        except (native.RedisError, OSError) as error:
            # The others date from before what happened to this one: do not try them one by one.
            self._drop_idle()
            raise (closed() if self._closed else translated(error)) from error

    def _drop_idle(self) -> None:
        while self._idle:
            _abandon(self._idle.pop())


async def _is_fresh(connection: AbstractConnection) -> bool:
    """Whether the server has neither closed the idle connection nor said anything unasked."""
    writer = connection._writer  # noqa: SLF001 - can_read does not see a reset
    if writer is None or writer.is_closing():
        return False
    try:
        return not await connection.can_read()
    except (native.RedisError, OSError):
        return False


def _abandon(connection: AbstractConnection) -> None:
    """Close without waiting, also in the middle of a call and while being cancelled."""
    writer = connection._writer  # noqa: SLF001 - redis-py's own disconnect awaits, which a cancelled call must not
    forget: Callable[[], None] = connection._parser.on_disconnect  # noqa: SLF001
    forget()
    connection._reader = connection._writer = None  # noqa: SLF001
    if writer is not None:
        writer.transport.abort()
