"""Keep a password, rotate it, and never print it."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.secrets import Secrets
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore


async def main() -> None:
    """Run the example."""
    secrets = Secrets(Pipeline(MemorySecrets(MemoryStore())))
    await secrets.set("db/password", "first")
    await secrets.rotate("db/password", "second", grace=60)

    password = await secrets.get("db/password")
    print(f"the password is {password}")
    print("it is the second one:", password == "second")  # noqa: S105 - an example's password
    print("the one before still works:", await secrets.previous("db/password") == "first")
    await secrets.aclose()


if __name__ == "__main__":
    asyncio.run(main())
