"""Copies between services: what is carried, what is told, and going on after a stop."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from omnicloud.contracts.documents import Documents
from omnicloud.contracts.kv import KV, KVFeature
from omnicloud.contracts.objects import Objects
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.codec import BYTES
from omnicloud.core.context import ServiceInfo, tenant
from omnicloud.core.operation import Feature
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ConfigurationError,
    CorruptedError,
    InvalidArgumentError,
    UnavailableError,
)
from omnicloud.memory.documents import MemoryDocuments
from omnicloud.memory.kv import FEATURES, MemoryKV
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore
from omnicloud.migration import Report, copy, losses_of

MIB = 1 << 20


def piped(driver: Any, name: str) -> Pipeline[Any]:
    return Pipeline(driver, service=ServiceInfo(name, "any", "memory"))


def two_kv(target: Any = MemoryKV) -> tuple[KV[bytes], KV[bytes]]:
    one, two = MemoryKV(MemoryStore()), target(MemoryStore())
    return KV(piped(one, "one"), BYTES), KV(piped(two, "two"), BYTES)


def two_objects(target: Any = MemoryObjects) -> tuple[Objects, Objects]:
    one, two = MemoryObjects(MemoryStore()), target(MemoryStore())
    return Objects(piped(one, "one")), Objects(piped(two, "two"))


async def test_values_and_what_is_left_of_their_lives_are_carried() -> None:
    source, target = two_kv()
    values = {f"k-{number}": os.urandom(number) for number in range(300)}
    for key, value in values.items():
        await source.set(key, value, ttl=1000.0 if key.endswith("7") else None)
    report = await copy(source, target)
    assert report.well
    assert (report.found, report.copied) == (300, 300)
    assert report.size_bytes == sum(map(len, values.values()))
    for key, value in values.items():
        here, there = await source.get_entry(key), await target.get_entry(key)
        assert here is not None
        assert there is not None
        assert there.value == value
        if here.expires_in is None:
            assert there.expires_in is None
        else:
            assert there.expires_in is not None
            assert 900 < there.expires_in <= 1000


async def test_objects_are_carried_with_content_type_and_metadata() -> None:
    source, target = two_objects()
    kinds = {"a": b"", "b/c": b"x" * 5, "large": os.urandom(9 * MIB)}
    for key, content in kinds.items():
        await source.upload(key, content, content_type="text/x", metadata={"Author": "é"})
    report = await copy(source, target)
    assert report.well
    for key, content in kinds.items():
        assert await target.download(key) == content
        info = await target.stat(key)
        assert (info.content_type, dict(info.metadata)) == ("text/x", {"Author": "é"})


async def test_documents_of_the_named_collections_are_carried() -> None:
    one, two = MemoryDocuments(MemoryStore()), MemoryDocuments(MemoryStore())
    source, target = Documents(piped(one, "one")), Documents(piped(two, "two"))
    for number in range(50):
        await source.insert_one("orders", {"_id": f"{number}", "b": b"\xff", "l": [number, None]})
    await source.insert_one("other", {"_id": "x"})
    report = await copy(source, target, collections=["orders"])
    assert (report.well, report.copied) == (True, 50)
    assert await target.find_many("orders") == await source.find_many("orders")
    assert await target.count("other") == 0
    with pytest.raises(InvalidArgumentError, match="--collection"):
        await copy(source, target)


async def test_the_current_values_of_secrets_are_carried_and_none_is_in_the_journal(
    tmp_path: Path,
) -> None:
    one, two = MemorySecrets(MemoryStore()), MemorySecrets(MemoryStore())
    source, target = Secrets(piped(one, "one")), Secrets(piped(two, "two"))
    await source.set("db", "first")
    await source.set("db", "hunter2")
    await source.set("key", b"\xff\x00")
    journal = tmp_path / "j"
    assert (await copy(source, target, journal=journal)).well
    assert (await target.get("db")).reveal() == "hunter2"
    assert (await target.get("key")).reveal_bytes() == b"\xff\x00"
    assert "hunter2" not in journal.read_text()
    assert "older versions" in {loss.what for loss in losses_of(source, target)}


async def test_a_second_run_copies_only_what_has_changed(tmp_path: Path) -> None:
    source, target = two_kv()
    for key in "abc":
        await source.set(key, b"1")
    assert (await copy(source, target, journal=tmp_path / "j")).copied == 3
    await source.set("b", b"2")
    await source.set("d", b"3")
    report = await copy(source, target, journal=tmp_path / "j")
    assert (report.copied, report.unchanged) == (2, 2)
    expected = {"a": b"1", "b": b"2", "c": b"1", "d": b"3"}
    assert await target.get_many(list("abcd")) == expected


class Stopping(MemoryKV):
    """Stops its user after some writes, as a kill does: nothing more happens."""

    left = 40
    job: asyncio.Task[Report] | None = None

    async def set(self, op: Any, /) -> str:
        version = await super().set(op)
        self.left -= 1
        if self.left == 0:
            await stopped(self.job)
        return version


async def stopped(job: asyncio.Task[Report] | None) -> None:
    """Never comes back: the copy is cancelled."""
    assert job is not None
    job.cancel()
    await asyncio.sleep(60)


async def stopped_copy(source: Any, target: Any, **options: Any) -> None:
    driver: Any = target.pipeline.driver
    driver.job = asyncio.create_task(copy(source, target, **options))
    with pytest.raises(asyncio.CancelledError):
        await driver.job


async def test_a_stopped_copy_goes_on_and_does_little_twice(tmp_path: Path) -> None:
    source, target = two_kv(Stopping)
    for number in range(100):
        await source.set(f"{number:03}", b"x")
    await stopped_copy(source, target, journal=tmp_path / "j", concurrency=4)
    report = await copy(source, target, journal=tmp_path / "j", concurrency=4)
    assert report.well
    assert report.unchanged >= 40 - 4
    assert report.unchanged + report.copied == 100
    assert [key async for key in target.scan()] == [key async for key in source.scan()]


async def test_half_a_line_of_the_journal_counts_for_nothing(tmp_path: Path) -> None:
    source, target = two_kv()
    for key in "ab":
        await source.set(key, b"1")
    journal = tmp_path / "j"
    await copy(source, target, journal=journal)
    journal.write_bytes(journal.read_bytes()[:-5])
    await target.delete("a")
    await target.delete("b")
    report = await copy(source, target, journal=journal)
    assert (report.copied, report.unchanged) == (1, 1)
    for line in journal.read_text().splitlines():
        json.loads(line)


async def test_a_journal_of_another_copy_or_of_nothing_is_refused(tmp_path: Path) -> None:
    source, target = two_kv()
    await copy(source, target, journal=tmp_path / "j")
    with pytest.raises(ConfigurationError, match="prefix differs"):
        await copy(source, target, journal=tmp_path / "j", prefix="a")
    with tenant("t"), pytest.raises(ConfigurationError, match="tenant differs"):
        await copy(source, target, journal=tmp_path / "j")
    (tmp_path / "j").write_text("no journal\n")
    with pytest.raises(CorruptedError, match="line 1"):
        await copy(source, target, journal=tmp_path / "j")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await copy(source, target, journal=tmp_path)


class Endless(MemoryKV):
    """Knows no times to live, and holds little."""

    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES - {KVFeature.TTL}


class Unlisted(MemoryKV):
    @property
    def features(self) -> frozenset[Feature]:
        return FEATURES - {KVFeature.SCAN}


async def test_what_cannot_be_carried_is_told_and_refused_before_the_start() -> None:
    source, target = two_kv(Endless)
    await source.set("k", b"v", ttl=100)
    assert "ttl" in {loss.accept for loss in losses_of(source, target)}
    with pytest.raises(ConfigurationError, match="--accept-loss ttl"):
        await copy(source, target)
    assert await target.get("k") is None
    assert (await copy(source, target, accept=["ttl"])).well
    entry = await target.get_entry("k")
    assert entry is not None
    assert entry.expires_in is None


async def test_what_cannot_be_copied_at_all_is_refused() -> None:
    source, target = two_kv()
    blobs, _ = two_objects()
    with pytest.raises(InvalidArgumentError, match="one contract"):
        await copy(source, blobs)
    with pytest.raises(InvalidArgumentError, match="one service"):
        await copy(source, source)
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        await copy(source, target, concurrency=0)
    unlisted = KV(piped(Unlisted(MemoryStore()), "u"), BYTES)
    with pytest.raises(Exception, match="scan"):
        await copy(unlisted, target)


class Flaky(MemoryKV):
    """Is out of reach for some keys, and changes another."""

    async def set(self, op: Any, /) -> str:
        if op.key.startswith("gone"):
            raise UnavailableError("gone")
        version = await super().set(op)
        if op.key == "changed":
            await super().set(type(op)(op.key, b"otherwise"))
        return version


async def test_what_fails_or_comes_back_otherwise_is_reported_and_the_others_go_on() -> None:
    source, target = two_kv(Flaky)
    for key in ("a", "changed", "gone", "z"):
        await source.set(key, b"1")
    report = await copy(source, target)
    assert not report.well
    assert report.complete
    errors = {one.place: one.error for one in report.failures}
    assert errors == {("changed",): "CorruptedError", ("gone",): "UnavailableError"}
    assert report.copied == 2


async def test_too_many_failures_end_a_copy() -> None:
    source, target = two_kv(Flaky)
    for number in range(300):
        await source.set(f"gone-{number}", b"1")
    report = await copy(source, target, concurrency=1)
    assert (len(report.failures), report.complete, report.well) == (100, False, False)


class Parts(MemoryObjects):
    """Counts the parts that arrive, and stops its user at one of them."""

    sent: list[int]
    stop: int | None = 3
    job: asyncio.Task[Report] | None = None

    async def upload_part(self, op: Any, /) -> str:
        if op.number == self.stop:
            # Parts go side by side: let those before it arrive, which takes a few turns.
            while len(self.sent) < op.number - 1:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await stopped(self.job)
        tag = await super().upload_part(op)
        self.sent.append(op.number)
        return tag


async def test_a_large_object_goes_on_with_the_part_where_it_was_stopped(tmp_path: Path) -> None:
    source, target = two_objects(Parts)
    driver: Any = target.pipeline.driver
    driver.sent = []
    content = os.urandom(25 * MIB)
    await source.upload("large", content)
    await stopped_copy(source, target, journal=tmp_path / "j")
    assert not await target.exists("large")
    before, driver.stop = list(driver.sent), None
    assert (await copy(source, target, journal=tmp_path / "j")).well
    assert before
    assert len(driver.sent) == len(set(driver.sent)) == 4
    assert await target.download("large") == content


async def test_an_upload_of_an_older_version_is_not_gone_on_with(tmp_path: Path) -> None:
    source, target = two_objects(Parts)
    driver: Any = target.pipeline.driver
    driver.sent = []
    await source.upload("large", b"a" * 25 * MIB)
    await stopped_copy(source, target, journal=tmp_path / "j")
    driver.stop = None
    await source.upload("large", b"b" * 17 * MIB)
    assert (await copy(source, target, journal=tmp_path / "j")).well
    assert await target.download("large") == b"b" * 17 * MIB


async def test_only_the_data_of_the_tenant_and_the_prefix_is_copied() -> None:
    source, target = two_kv()
    for who in (None, "t"):
        with tenant(who):
            await source.set("a-1", str(who).encode())
            await source.set("b-1", b"x")
    told: list[int] = []

    def hear(report: Report) -> None:
        told.append(report.done)

    # Tenancy is a layer of an opened service; without it the contexts share their names.
    report = await copy(source, target, prefix="a-", told=hear)
    assert (report.copied, told) == (1, [1])
    assert [key async for key in target.scan()] == ["a-1"]
