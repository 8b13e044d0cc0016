"""Documents and kv of one folder share a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from pathlib import Path
from typing import Any

import pytest

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.documents.driver import Begin
from omnicloud.contracts.kv import KV
from omnicloud.core.codec import TEXT
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import InvalidArgumentError
from omnicloud_local.config import LocalConfig
from omnicloud_local.documents import open_documents
from omnicloud_local.kv import open_kv
from omnicloud_tck.served import Lone


class Together(Lone):
    """One database for all services, as within a cloud."""

    async def share(self, key: Hashable, open_: Callable[[], Awaitable[Any]]) -> Any:
        return self.shared[0] if self.shared else await super().share(key, open_)


async def test_both_are_written_or_neither(tmp_path: Path) -> None:
    opening, config = Together(), LocalConfig(path=tmp_path, durability="process")
    documents = Documents(Pipeline(await open_documents(config, opening)))
    kv = KV(Pipeline(await open_kv(config, opening)), TEXT)
    begun = await documents.pipeline.driver.begin(Begin())
    await documents.within(begun).insert_one("c", {"_id": "k"})
    await kv.within(begun).set("k", "v")
    await begun.rollback()
    assert (await documents.count("c"), await kv.get("k")) == (0, None)

    begun = await documents.pipeline.driver.begin(Begin())
    await documents.within(begun).insert_one("c", {"_id": "k"})
    await kv.within(begun).set("k", "v")
    await begun.commit()
    assert (await documents.count("c"), await kv.get("k")) == (1, "v")
    await opening.aclose()


async def test_a_transaction_of_another_folder_is_refused(tmp_path: Path) -> None:
    one, two = Together(), Together()
    documents = Documents(Pipeline(await open_documents(LocalConfig(path=tmp_path / "a"), one)))
    kv = await open_kv(LocalConfig(path=tmp_path / "b"), two)
    begun = await documents.pipeline.driver.begin(Begin())
    with pytest.raises(InvalidArgumentError):
        kv.within(begun)
    await begun.rollback()
    await one.aclose()
    await two.aclose()
