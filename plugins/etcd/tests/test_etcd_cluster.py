"""Three members keep what they acknowledged when their leader is killed, and serve on."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from omnicloud.contracts.kv.driver import Changes, Get, Set
from omnicloud.contracts.locks.driver import Acquire, Renew
from omnicloud.core.http import Bounds, Wire
from omnicloud.errors import UnavailableError
from omnicloud_etcd.config import EtcdConfig
from omnicloud_etcd.kv import open_kv
from omnicloud_etcd.locks import open_locks
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import ServerProcess, free_port

R = TypeVar("R")

_READY_SECONDS = 60.0
_PERSISTS_SECONDS = 60.0
_WRITES = 30
_KILLED_AT = 10


class Member(ServerProcess):
    """One of three; ``peers`` are the ports on which they speak to each other."""

    def __init__(self, at: int, peers: Sequence[int]) -> None:
        self._at, self._peers = at, peers
        super().__init__(self._command, _answers, within=_READY_SECONDS)

    def _command(self, port: int, folder: Path) -> Sequence[str]:
        found = shutil.which("etcd")
        assert found, "there is no etcd: install etcd-server"
        client, peer = f"http://127.0.0.1:{port}", _peer(self._peers[self._at])
        others = ",".join(f"m{at}={_peer(one)}" for at, one in enumerate(self._peers))
        return (
            *(found, "--name", f"m{self._at}", "--data-dir", str(folder / "data")),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *("--initial-cluster", others, "--log-level", "error", "--unsafe-no-fsync"),
            *("--heartbeat-interval", "200", "--election-timeout", "2000"),
        )


def _peer(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def _answers(port: int) -> None:
    if (await _status(port)).get("leader", "0") == "0":
        await asyncio.sleep(0.05)
        raise OSError("there is no leader yet")


async def _status(port: int) -> dict[str, str]:
    """The ids of the leader and of the member itself, as it knows them."""
    wire = Wire(Bounds(timeout=5.0))
    try:
        url = f"http://127.0.0.1:{port}/v3/maintenance/status"
        answer = await wire.ask("POST", url, {}, b"{}")
    except UnavailableError as error:
        raise OSError("it does not answer yet") from error
    finally:
        await wire.aclose()
    said = json.loads(answer.body)
    return {"leader": said.get("leader", "0"), "member": said.get("header", {}).get("member_id")}


@asynccontextmanager
async def _cluster() -> AsyncIterator[list[Member]]:
    peers = [free_port() for _ in range(3)]
    members = [Member(at, peers) for at in range(3)]
    try:
        await asyncio.gather(*(member.start() for member in members))
        yield members
    finally:
        for member in members:
            member.remove()


async def _leader(members: Sequence[Member]) -> Member:
    for member in members:
        said = await _status(member.port)
        if said["leader"] == said["member"]:
            return member
    raise LookupError("no member leads")


async def _persistent(call: Callable[[], Awaitable[R]]) -> R:
    """Send a request that may be repeated until it is answered."""
    until = time.monotonic() + _PERSISTS_SECONDS
    while True:
        try:
            return await call()
        except UnavailableError:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def test_a_watch_at_a_member_without_a_leader_is_not_silent() -> None:
    async with _cluster() as members:
        lone = Lone()
        url = f"http://127.0.0.1:{members[0].port}"
        kv = await open_kv(EtcdConfig(urls=(url,), answer_timeout=10.0), lone)
        cursor = (await _persistent(partial(kv.changes, Changes("k")))).cursor
        watching = asyncio.ensure_future(kv.changes(Changes("k", cursor, 60.0)))
        await asyncio.sleep(0.5)
        for member in members[1:]:
            member.kill()
        with pytest.raises(UnavailableError, match="ended the stream"):
            await watching
        with pytest.raises(UnavailableError, match="no leader"):
            await kv.changes(Changes("k", cursor, 60.0))
        await lone.aclose()


async def test_nothing_acknowledged_is_lost_when_the_leader_is_killed() -> None:
    async with _cluster() as members:
        lone = Lone()
        urls = tuple(f"http://127.0.0.1:{member.port}" for member in members)
        config = EtcdConfig(urls=urls, answer_timeout=5.0)
        kv, locks = await open_kv(config, lone), await open_locks(config, lone)
        grant = await _persistent(lambda: locks.acquire(Acquire("l", "one", 600.0)))
        assert grant is not None
        cursor = (await kv.changes(Changes("k"))).cursor
        leader = await _leader(members)
        for number in range(_WRITES):
            if number == _KILLED_AT:
                leader.kill()
            op = Set(f"k{number:02}", b"%d" % number)
            await _persistent(partial(kv.set, op))

        for number in range(_WRITES):
            record = await _persistent(partial(kv.get, Get(f"k{number:02}")))
            assert record is not None
            assert record.value == b"%d" % number
        assert await _persistent(lambda: locks.acquire(Acquire("l", "two", 1.0))) is None
        assert await _persistent(lambda: locks.renew(Renew("l", "one", 600.0)))
        told = set[str]()
        while len(told) < _WRITES:  # a watch goes on at another member, and misses nothing
            page = await _persistent(partial(kv.changes, Changes("k", cursor, 5.0)))
            cursor = page.cursor
            told |= {change.key for change in page.changes}
        await lone.aclose()
