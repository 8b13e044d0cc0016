"""Keep orders as documents, change one, and find them by what is in them."""

from __future__ import annotations

import asyncio

from omnicloud.contracts.documents import Documents, where
from omnicloud.core.pipeline import Pipeline
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.store import MemoryStore


async def main() -> None:
    """Run the example."""
    documents = Documents(Pipeline(MemoryDocuments(MemoryStore())))
    await documents.create_index("orders", "number", unique=True)
    for number, total in enumerate((30, 12.5, 99)):
        order = {"number": number, "total": total, "status": "open", "items": []}
        await documents.insert_one("orders", order)

    await documents.update_one(
        "orders",
        {"number": 1},
        {"$set": {"status": "paid"}, "$push": {"items": {"sku": "a-1"}}},
    )
    large = await documents.find_many("orders", {"total": {"$gte": 30}}, sort="-total")
    print("large orders:", [order["number"] for order in large])
    asked = "paid"  # whatever it holds, where() takes it for a value
    print("paid orders:", await documents.count("orders", where(status=asked)))
    await documents.aclose()


if __name__ == "__main__":
    asyncio.run(main())
