"""Members that are cut off, hung or not etcd at all: no false answers, and another is asked."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from etcd_bench import client, server

from omnicloud.contracts.kv import KV
from omnicloud.core.codec import BYTES
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ConfigurationError,
    Outcome,
    ResourceExhaustedError,
    UnavailableError,
)
from omnicloud_etcd.certify import kept_server
from omnicloud_etcd.kv import EtcdKV
from omnicloud_etcd.wire import Range, Txn
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.tls import certificate_in

_NO_LEADER = b'{"error": "etcdserver: no leader", "code": 14, "message": "etcdserver: no leader"}'
_TROUBLE = {
    "any JSON": Said(200, {}, b"{}"),
    "no JSON": Said(200, {}, b"<html>welcome</html>"),
    "another service": Said(404, {}, b"<html>not here</html>"),
    "no leader": Said(503, {}, _NO_LEADER),
    "no answer": None,
}


async def test_an_answer_without_a_header_is_not_an_empty_store() -> None:
    async with (
        pretending(lambda _: Said(200, {}, b"{}")) as one,
        client(0, urls=(one.endpoint,)) as asking,
    ):
        for call in (asking.range(Range(key=b"k")), asking.look(Txn()), asking.txn(Txn())):
            with pytest.raises(UnavailableError, match="not etcd") as told:
                await call
            assert told.value.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("trouble", _TROUBLE)
async def test_a_member_that_answers_wrongly_is_not_asked_next(trouble: str) -> None:
    await kept_server().start()
    async with pretending(lambda _: _TROUBLE[trouble]) as one:
        urls = (one.endpoint, f"http://127.0.0.1:{kept_server().port}")
        async with client(0, urls=urls, answer_timeout=30.0) as asking:
            kv = KV(Pipeline(EtcdKV(asking, b"only/elsewhere/")), BYTES)
            with pytest.raises(UnavailableError):
                await kv.set("k", b"x")
            await kv.set("k", b"y")
            assert await kv.get("k") == b"y"
            assert len(one.asked) == 1


async def test_a_member_that_hangs_is_not_asked_next() -> None:
    async def hung(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.wait({asked}, timeout=60)
        writer.close()

    asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await kept_server().start()
    listening = await asyncio.start_server(hung, "127.0.0.1", 0)
    urls = tuple(
        f"http://127.0.0.1:{port}"
        for port in (listening.sockets[0].getsockname()[1], kept_server().port)
    )
    async with listening, client(0, urls=urls) as asking:
        asking._within = 0.2
        with pytest.raises(UnavailableError, match="in time"):
            await asking.range(Range(key=b"k"))
        asking._within = 60.0
        assert (await asking.range(Range(key=b"only/nothing"))).kvs == []
        asked.set_result(None)


async def test_a_certificate_that_fails_later_is_an_outage_and_no_mistake_of_the_settings(
    tmp_path: Path,
) -> None:
    (tmp_path / "other").mkdir()
    public, private = certificate_in(tmp_path)
    contexts = []
    for pair in ((public, private), certificate_in(tmp_path / "other")):
        contexts.append(ssl.create_default_context(ssl.Purpose.CLIENT_AUTH))
        contexts[-1].load_cert_chain(*pair)

    def version(_: Asked) -> Said:
        return Said(200, {"connection": "close"}, b'{"etcdserver": "3.5.0"}')

    async with pretending(version) as one:
        first = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=contexts[0])
        port = first.sockets[0].getsockname()[1]
        url = f"https://localhost:{port}"
        async with client(0, urls=(url,), tls_ca_file=public) as asking:
            await asking.meet()
            first.close()
            await first.wait_closed()
            second = await asyncio.start_server(one.serve, "127.0.0.1", port, ssl=contexts[1])
            async with second:
                with pytest.raises(UnavailableError, match="TLS") as told:
                    await asking.range(Range(key=b"k"))
            assert told.value.outcome is Outcome.NOT_DONE


@pytest.mark.parametrize(
    ("said", "why"),
    [(b'{"etcdserver": "3.3.27"}', "too old"), (b'{"etcdserver": "new"}', "not etcd")],
)
async def test_a_member_of_another_version_is_refused_by_name(said: bytes, why: str) -> None:
    async with (
        pretending(lambda _: Said(200, {}, said)) as one,
        client(0, urls=(one.endpoint,)) as asking,
    ):
        with pytest.raises(ConfigurationError, match=why):
            await asking.meet()


async def test_a_full_member_is_exhausted_and_reads_and_deletes_on() -> None:
    async with server("--quota-backend-bytes", "1000000") as port, client(port) as asking:
        kv = KV(Pipeline(EtcdKV(asking, b"only/full/")), BYTES)
        await kv.set("first", b"x")

        async def fill() -> None:
            for number in range(40):
                await kv.set(f"k{number}", b"x" * 100_000)

        with pytest.raises(ResourceExhaustedError) as told:
            await fill()
        assert told.value.outcome is Outcome.NOT_DONE
        assert await kv.get("first") == b"x"
        assert await kv.delete("first")
