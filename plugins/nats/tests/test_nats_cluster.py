"""What was acknowledged by three servers outlives the death of any one of them."""

from __future__ import annotations

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
