"""Ask who may do what, and why."""

from __future__ import annotations

import asyncio

from omnicloud.cloud import OmniCloud

CONFIG = {"services": {"access": {"contract": "iam", "provider": "memory"}}}

RULES = [
    {
        "id": "staff-read",
        "effect": "Allow",
        "principal": "group:staff",
        "action": "kv:get",
        "resource": "orders/*",
    },
    {
        "id": "no-secrets",
        "effect": "Deny",
        "principal": "*",
        "action": "*",
        "resource": "orders/secret*",
    },
]


async def main() -> None:
    """Run the example."""
    async with OmniCloud(CONFIG) as cloud:
        iam = cloud.iam("access")
        await iam.replace(RULES)
        for resource in ("orders/17", "orders/secret-1", "users/3"):
            told = await iam.explain("user:alice", "kv:get", resource, groups=["staff"])
            print(f"{resource}: {told.allowed} ({told.reason.value}, rule {told.policy})")


if __name__ == "__main__":
    asyncio.run(main())
