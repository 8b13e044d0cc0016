"""Store a report, read a part of it, and list what is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from omnicloud.contracts.objects import Objects
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.store import MemoryStore


async def lines() -> AsyncIterator[bytes]:
    """A report that is written while it is uploaded."""
    for number in range(100_000):
        yield b"line %06d\n" % number


async def main() -> None:
    """Run the example."""
    objects = Objects(Pipeline(MemoryObjects(MemoryStore())))
    await objects.upload("reports/2024.txt", lines(), content_type="text/plain")
    await objects.upload("reports/readme", b"one line a fact", if_absent=True)

    info = await objects.stat("reports/2024.txt")
    print(f"{info.key}: {info.size_bytes} bytes of {info.content_type}")
    print("its second line:", await objects.download(info.key, start=12, end=23))
    async for item in objects.list(delimiter="/"):
        print("there is", item.key)
    await objects.aclose()


if __name__ == "__main__":
    asyncio.run(main())
