"""One object streamed up or down S3 by one client, alone in its process.

``benchmarks/providers.py`` starts it: ``python _streams.py PEER up|down MIB``, with the place of
the bucket as JSON on standard input. What it prints is JSON: seconds, seconds of processor, and by
how many MiB resident memory rose at its peak above what it was when the client was ready.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from provider_peers import aiobotocore_client, obstore_store, s3_ours

BLOCK = os.urandom(1 << 20)
PART_BYTES = 8 << 20
AT_ONCE = 4
Direction = Callable[[], Awaitable[int]]


async def _blocks(mib: int) -> AsyncIterator[bytes]:
    for _ in range(mib):
        yield _new_block()  # a source has others each time, which nobody can share


def _new_block() -> bytes:
    return bytes(bytearray(BLOCK))


async def _counted(chunks: AsyncIterator[Any]) -> int:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
    return size


async def ours(stack: AsyncExitStack, place: dict[str, str], key: str, mib: int) -> Any:
    """This library, with its defaults: parts of 8 MiB, 4 at once."""
    objects = await s3_ours(stack, place)

    async def up() -> int:
        await objects.upload(key, _blocks(mib))
        return mib << 20

    return up, lambda: _counted(objects.stream(key))


async def obstore(_: AsyncExitStack, place: dict[str, str], key: str, mib: int) -> Any:
    """With its defaults: parts of 5 MiB, 12 at once."""
    store = obstore_store(place)

    async def up() -> int:
        await store.put_async(key, _blocks(mib))
        return mib << 20

    async def down() -> int:
        return await _counted((await store.get_async(key)).stream())

    return up, down


async def aiobotocore(stack: AsyncExitStack, place: dict[str, str], key: str, mib: int) -> Any:
    """It has no transfers of its own: parts of 8 MiB, 4 at once, by hand."""
    client = await aiobotocore_client(stack, place)
    named = {"Bucket": place["bucket"], "Key": key}

    async def up() -> int:
        upload = (await client.create_multipart_upload(**named))["UploadId"]
        turns = asyncio.Semaphore(AT_ONCE)

        async def part(number: int, data: bytes) -> dict[str, Any]:
            try:
                said = await client.upload_part(
                    **named, UploadId=upload, PartNumber=number, Body=data
                )
                return {"ETag": said["ETag"], "PartNumber": number}
            finally:
                turns.release()

        tasks = []
        each = PART_BYTES >> 20
        for number, start in enumerate(range(0, mib, each), 1):
            await turns.acquire()
            data = b"".join(_new_block() for _ in range(min(each, mib - start)))
            tasks.append(asyncio.create_task(part(number, data)))
        parts = [await task for task in tasks]
        await client.complete_multipart_upload(
            **named, UploadId=upload, MultipartUpload={"Parts": parts}
        )
        return mib << 20

    async def down() -> int:
        async with (await client.get_object(**named))["Body"] as body:
            return await _counted(body.iter_chunks(1 << 20))

    return up, down


async def s3fs(_: AsyncExitStack, place: dict[str, str], key: str, mib: int) -> Any:
    """Files of fsspec with its defaults: blocks of 50 MiB."""
    import s3fs as native

    files = native.S3FileSystem(
        key=place["access_key"], secret=place["secret_key"], endpoint_url=place["endpoint"]
    )
    path = f"{place['bucket']}/{key}"

    def write() -> int:
        with files.open(path, "wb") as file:
            for _ in range(mib):
                file.write(_new_block())
        return mib << 20

    def read() -> int:
        with files.open(path, "rb") as file:
            return sum(map(len, _read(file)))

    return lambda: asyncio.to_thread(write), lambda: asyncio.to_thread(read)


async def cloudpathlib(stack: AsyncExitStack, place: dict[str, str], key: str, mib: int) -> Any:
    """It moves files, not streams: one that is there already, or is written."""
    from boto3 import Session
    from cloudpathlib import S3Client

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    session = Session(place["access_key"], place["secret_key"], region_name="us-east-1")
    client = S3Client(
        boto3_session=session, endpoint_url=place["endpoint"], local_cache_dir=folder / "cache"
    )
    path = client.S3Path(f"s3://{place['bucket']}/{key}")
    source = folder / "source"
    with source.open("wb") as file:
        for _ in range(mib):
            file.write(BLOCK)

    def up() -> int:
        path.upload_from(source)
        return mib << 20

    def down() -> int:
        return Path(path.download_to(folder / "target")).stat().st_size

    return lambda: asyncio.to_thread(up), lambda: asyncio.to_thread(down)


PEERS: dict[str, Any] = {
    "omnicloud-s3": ours,
    "obstore": obstore,
    "aiobotocore": aiobotocore,
    "s3fs": s3fs,
    "cloudpathlib": cloudpathlib,
}


def _read(file: Any) -> Iterator[bytes]:
    while data := file.read(PART_BYTES):
        yield data


def _memory(name: str) -> float:
    """MiB, of ``VmRSS`` now or of its peak ``VmHWM``."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


async def measured(peer: str, direction: str, mib: int, place: dict[str, str]) -> dict[str, Any]:
    """What one transfer took."""
    async with AsyncExitStack() as stack:
        for key, size in (("warm", 1), (f"stream-{peer}", mib)):
            ways: tuple[Direction, Direction] = await PEERS[peer](stack, place, key, size)
            if key == "warm":
                await ways[0]()
                await ways[1]()
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        before = _memory("VmRSS")
        started, used = time.perf_counter(), time.process_time()
        moved = await (ways[0] if direction == "up" else ways[1])()
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        assert moved == mib << 20, f"{peer} moved {moved} bytes {direction}"
        return {
            "peer": peer,
            "direction": direction,
            "mib": mib,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu, 3),
            "peak_mib": round(max(0.0, _memory("VmHWM") - before), 1),
        }


if __name__ == "__main__":
    said = asyncio.run(measured(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.load(sys.stdin)))
    print(json.dumps(said), flush=True)
