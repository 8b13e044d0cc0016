"""Three workers, one job at a time; then a leader that others follow."""

from __future__ import annotations

import asyncio

from omnicloud.cloud import OmniCloud
from omnicloud.contracts.locks import Locks

CONFIG = {"services": {"jobs": {"contract": "locks", "provider": "memory"}}}


async def work(locks: Locks, name: str) -> None:
    """Wait for the lock, and keep it for as long as the work takes."""
    async with locks.get_lock("report", ttl=0.3).held(wait=10) as token:
        print(f"{name} works with token {token}")
        await asyncio.sleep(0.5)  # longer than the time to live: it is renewed


async def main() -> None:
    async with OmniCloud(CONFIG) as cloud:
        locks = cloud.locks("jobs")
        async with asyncio.TaskGroup() as group:
            for name in ("one", "two", "three"):
                group.create_task(work(locks, name))
            await asyncio.sleep(0.1)
            async with locks.get_lock("report", ttl=5) as acquired:
                print(f"without waiting: {acquired}")
        async with locks.elect("leader", ttl=5) as token:
            print(f"leading with token {token}")


if __name__ == "__main__":
    asyncio.run(main())
