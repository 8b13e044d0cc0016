"""What was acknowledged by three servers outlives the death of any one of them."""

from __future__ import annotations

import asyncio
import os
import uuid
from functools import partial
from typing import Any

import pytest
from nats_cluster import Cluster, cluster, leader_of, persistent

from omnicloud.contracts.kv.driver import Get, Scan, Set
from omnicloud.contracts.locks.driver import Acquire, Renew
from omnicloud.contracts.messaging.driver import Ack, Publish, Receive, Subscribe
from omnicloud.contracts.messaging.models import Outgoing
from omnicloud.contracts.objects.driver import GetRange, Put
from omnicloud_nats.kv import NatsKV, open_kv
from omnicloud_nats.locks import open_locks
from omnicloud_nats.messaging import NatsMessaging, open_messaging
from omnicloud_nats.objects import open_objects
from omnicloud_tck.contract import Contract
from omnicloud_tck.kv import KVContract
from omnicloud_tck.law import laws_of
from omnicloud_tck.locks import LocksContract
from omnicloud_tck.messaging import MessagingContract
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.runner import Verdict, try_law
from omnicloud_tck.served import Lone, served_world
from omnicloud_tck.world import World

_HISTORIES: tuple[tuple[type[Contract], Any, set[str]], ...] = (
    (KVContract, open_kv, {"KV-110", "KV-111", "KV-112"}),
    (LocksContract, open_locks, {"LO-110", "LO-111"}),
    (MessagingContract, open_messaging, {"MS-110", "MS-111"}),
    (ObjectsContract, open_objects, {"OBJ-110", "OBJ-111"}),
)
_WRITES = 60
_KILLED_AT = 20


async def test_nothing_acknowledged_is_lost_when_the_leader_is_killed() -> None:
    async with cluster() as three:
        config, lone = three.config, three.lone
        kv = await persistent(lambda: open_kv(config, lone))
        messaging = await persistent(lambda: open_messaging(config, lone))
        locks = await persistent(lambda: open_locks(config, lone))
        objects = await persistent(lambda: open_objects(config, lone))
        grant = await persistent(lambda: locks.acquire(Acquire("l", "one", 60.0)))
        assert grant is not None
        content = bytes(range(256)) * 2000
        await persistent(lambda: objects.put(Put("o", content)))
        await persistent(lambda: messaging.subscribe(Subscribe("t", "g")))

        await _written(three, kv, messaging)

        page = await persistent(lambda: kv.scan(Scan()))
        assert page.keys == tuple(f"k{number:03}" for number in range(_WRITES))
        for number in range(_WRITES):
            record = await persistent(lambda key=f"k{number:03}": kv.get(Get(key)))
            assert record is not None
            assert record.value == b"%d" % number
        assert set(await _received(messaging)) == {b"%d" % number for number in range(_WRITES)}
        assert await persistent(lambda: locks.acquire(Acquire("l", "two", 1.0))) is None
        assert await persistent(lambda: locks.renew(Renew("l", "one", 60.0)))
        chunk = await persistent(lambda: objects.get_range(GetRange("o")))
        assert chunk is not None
        assert chunk.data == content


async def _written(three: Cluster, kv: NatsKV, messaging: NatsMessaging) -> None:
    """Write keys and messages, and kill the leader of the keys in the middle."""
    for number in range(_WRITES):
        if number == _KILLED_AT:
            three.servers[await leader_of(kv._stream.store, kv._stream.name)].kill()
        value = b"%d" % number
        await persistent(lambda key=f"k{number:03}", data=value: kv.set(Set(key, data)))
        message = Outgoing(f"id-{number}", value)
        await persistent(lambda one=message: messaging.publish(Publish("t", (one,))))


async def _received(messaging: NatsMessaging) -> list[bytes]:
    found: list[bytes] = []
    while True:
        lent = await persistent(lambda: messaging.receive(Receive("t", "g", 20, 0.5)))
        if not lent:
            return found
        for one in lent:
            found.append(one.payload)
            assert await persistent(
                lambda receipt=one.receipt: messaging.ack(Ack("t", "g", receipt))
            )


@pytest.mark.skipif(
    not os.environ.get("OMNICLOUD_TEST_NATS_FULL"),
    reason="OMNICLOUD_TEST_NATS_FULL tries the histories on three servers, for a minute and a half",
)
def test_histories_of_several_clients_can_be_explained_on_three_servers() -> None:
    three = Cluster()
    try:
        asyncio.run(three.start())
        for contract, opener, ids in _HISTORIES:
            for law in laws_of(contract):
                if law.id in ids:
                    result = try_law(contract(), law, partial(_world, three, opener))
                    assert result.verdict is Verdict.HELD, f"{law.id} {result.detail}"
    finally:
        three.remove()


def _world(three: Cluster, opener: Any) -> World[Any]:
    """A world on the cluster, reached by one of its servers."""
    config = three.config.model_copy(update={"namespace": uuid.uuid4().hex, "answer_timeout": 5.0})

    async def dial(port: int, lone: Lone) -> Any:
        return await opener(config.model_copy(update={"url": f"nats://127.0.0.1:{port}"}), lone)

    return served_world(dial, server=None, port=three.servers["n0"].port)
