"""What a call costs over the emulator: aiobotocore alone, aiohttp alone, and through us.

``python aws_bench.py [CALLS]``. The emulator has most of the time; own CPU is what differs.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from statistics import median

import aiohttp

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.codec import BYTES
from omnicloud.core.moments import ServiceTime
from omnicloud.core.pipeline import Pipeline
from omnicloud_aws.certify import kept_server, settings
from omnicloud_aws.client import opened
from omnicloud_aws.documents import open_documents
from omnicloud_aws.kv import AWSKV, open_kv
from omnicloud_tck.served import Lone

_ROUNDS = 2
_VALUE = b"x" * 1024
_ONE = {"_id": "one"}
_HEADERS = {
    "content-type": "application/x-amz-json-1.0",
    "authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=not-checked",
}


async def measured(name: str, call: Callable[[int], Awaitable[object]], calls: int) -> None:
    for _ in range(_ROUNDS):
        took: list[float] = []
        cpu = time.process_time()
        for number in range(calls):
            started = time.perf_counter()
            await call(number)
            took.append(time.perf_counter() - started)
        cpu = (time.process_time() - cpu) / calls
        print(f"{name:22} {median(took) * 1e3:6.2f} ms   own CPU {cpu * 1e3:5.2f} ms")


async def _documents(documents: Documents, calls: int) -> None:
    text = "x" * 1000

    async def insert(_: int) -> None:
        await documents.insert_one("bench", {"text": text, "n": next(numbers)})

    async def update(_: int) -> None:
        await documents.update_one("bench", {"_id": "one"}, {"$inc": {"n": 1}})

    async def search(_: int) -> None:
        await documents.update_one("few", {"n": {"$gte": 0}}, {"$inc": {"n": 1}})

    numbers = itertools.count()
    for name in ("bench", "few"):
        await documents.insert_one(name, {"_id": "one", "text": text, "n": 0})
    await measured("documents insert", insert, calls)
    await measured("documents find by id", lambda _: documents.find_one("bench", _ONE), calls)
    await measured("documents change by id", update, calls)
    await measured("documents change found", search, calls)


async def main(calls: int) -> None:
    server, lone = kept_server(), Lone()
    await server.start()
    config = settings(server.port, f"bench-{uuid.uuid4().hex}")
    driver: AWSKV = await open_kv(config, lone)
    kv = KV(Pipeline(driver), BYTES)
    raw = await opened("dynamodb", config, ServiceTime(SYSTEM_CLOCK))
    native, layout = raw._made, driver._layout

    async def put(number: int) -> None:
        item = layout.item(f"k{number}", "n", v={"B": _VALUE})
        await native.put_item(TableName=config.table, Item=item)

    async def get(number: int) -> None:
        key = layout.key(f"k{number}")
        await native.get_item(TableName=config.table, Key=key, ConsistentRead=True)

    await measured("aiobotocore put", put, calls)
    await measured("aiobotocore get", get, calls)
    await measured("omnicloud put", lambda n: kv.set(f"k{n}", _VALUE), calls)
    await measured("omnicloud get", lambda n: kv.get(f"k{n}"), calls)
    async with aiohttp.ClientSession() as session:

        async def bare(number: int) -> None:
            key = layout.key(f"k{number}")
            sort = base64.b64encode(key["k"]["B"]).decode()
            asked = {"TableName": config.table, "Key": {"p": key["p"], "k": {"B": sort}}}
            headers = {**_HEADERS, "x-amz-target": "DynamoDB_20120810.GetItem"}
            data = json.dumps(asked).encode()
            async with session.post(config.endpoint or "", data=data, headers=headers) as answer:
                json.loads(await answer.read())

        await measured("aiohttp get, unsigned", bare, calls)
    await raw.aclose()
    await _documents(Documents(Pipeline(await open_documents(config, lone))), calls)
    await lone.aclose()
    server.end()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 400))
