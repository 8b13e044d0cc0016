"""What an application keeps of an error keeps no cursor open."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnicloud import OmniCloud
from omnicloud.errors import ConflictError


async def test_a_conflict_that_is_kept_neither_locks_nor_makes_reads_old(tmp_path: Path) -> None:
    service = {"contract": "documents", "provider": "local", "path": str(tmp_path)}
    one, other = (OmniCloud({"services": {"shelf": service}}) for _ in range(2))
    async with one, other:
        keeper, writer = one.documents("shelf"), other.documents("shelf")
        for number in range(5):
            await keeper.insert_one("books", {"_id": f"{number}", "shelf": 1})
        with pytest.raises(ConflictError) as kept:
            await keeper.update_one(
                "books", {"shelf": 1}, {"$set": {"shelf": 2}}, if_version="stale"
            )
        await writer.insert_one("books", {"_id": "new", "shelf": 3})
        await keeper.insert_one("books", {"_id": "newer", "shelf": 3})
        assert await keeper.count("books", {"shelf": 3}) == 2
        assert kept.value is not None
