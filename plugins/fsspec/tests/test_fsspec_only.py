"""What the filesystem promises beyond fsspec's own suite."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import fsspec
import pytest

from omnicloud import OmniCloud
from omnicloud_fsspec import OmniFileSystem

MIB = 1 << 20
CONFIG = {
    "services": {
        "files": {"contract": "objects", "provider": "memory"},
        "other": {"contract": "objects", "provider": "memory"},
        "orders": {"contract": "kv", "provider": "memory"},
    }
}


@pytest.fixture
def fs() -> Iterator[OmniFileSystem]:
    fs = OmniFileSystem(CONFIG, skip_instance_cache=True)
    yield fs
    fs.close()


def test_the_protocol_is_known_to_fsspec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "omnicloud.toml").write_text(
        '[services.files]\ncontract = "objects"\nprovider = "memory"\n'
    )
    with fsspec.open("omni://files/a/b.txt", "w", encoding="utf-8") as file:
        file.write("é")
    with fsspec.open("omni://files/a/b.txt", "rb") as file:
        assert file.read() == "é".encode()
    fs = fsspec.filesystem("omni")
    assert fs.ls("omni://files/a", detail=False) == ["files/a/b.txt"]
    fs.close()
    OmniFileSystem.clear_instance_cache()


def test_a_large_file_is_written_in_parts_and_read_in_ranges(fs: OmniFileSystem) -> None:
    content = os.urandom(23 * MIB)
    with fs.open("files/large", "wb") as file:
        for start in range(0, len(content), 3 * MIB):
            file.write(content[start : start + 3 * MIB])
        assert not fs.exists("files/large")
    assert fs.size("files/large") == len(content)
    with fs.open("files/large", "rb") as file:
        file.seek(-5, 2)
        assert file.read() == content[-5:]
        file.seek(11 * MIB)
        assert file.read(10) == content[11 * MIB : 11 * MIB + 10]
        file.seek(0)
        assert file.read() == content
    assert fs.cat_file("files/large", start=-7, end=-2) == content[-7:-2]


def test_what_is_written_in_a_block_that_fails_is_not_there(fs: OmniFileSystem) -> None:
    fs.pipe("files/k", b"old")
    for size in (3, 9 * MIB):
        with suppress(KeyError), fs.open("files/k", "wb") as file:
            file.write(b"x" * size)
            raise KeyError
        assert fs.cat("files/k") == b"old"


def test_a_transaction_shows_all_files_at_its_end_or_none(fs: OmniFileSystem) -> None:
    with fs.transaction:
        with fs.open("files/a", "wb") as file:
            file.write(b"1")
        assert not fs.exists("files/a")
    assert fs.cat("files/a") == b"1"
    with suppress(KeyError), fs.transaction:
        with fs.open("files/b", "wb") as file:
            file.write(b"2")
        raise KeyError
    assert not fs.exists("files/b")


def test_an_open_file_is_one_version(fs: OmniFileSystem) -> None:
    fs.pipe("files/k", b"a" * MIB)
    with fs.open("files/k", "rb", block_size=1024, cache_type="none") as file:
        assert file.read(2) == b"aa"
        fs.pipe("files/k", b"b" * MIB)
        with pytest.raises(OSError, match="version") as raised:
            file.read(2)
    assert raised.value.errno == errno.ESTALE


def test_appending_keeps_what_was_there_and_exclusive_needs_nothing_there(
    fs: OmniFileSystem,
) -> None:
    for text in (b"one ", b"two"):
        with fs.open("files/log", "ab") as file:
            file.write(text)
    assert fs.cat("files/log") == b"one two"
    with fs.open("files/new", "xb") as file:
        file.write(b"1")
        fs.pipe("files/new", b"2")
        with pytest.raises(FileExistsError):
            file.close()
    assert fs.cat("files/new") == b"2"


def test_services_are_directories_and_what_is_not_there_is_said(fs: OmniFileSystem) -> None:
    assert fs.ls("", detail=False) == ["files", "other"]
    assert fs.isdir("files")
    assert fs.ls("files") == []
    for missing in ("files/none", "files/none/deep"):
        with pytest.raises(FileNotFoundError):
            fs.info(missing)
    with pytest.raises(FileNotFoundError):
        fs.cat("files/none")
    with pytest.raises(ValueError, match="kv service"):
        fs.pipe("orders/k", b"")
    with pytest.raises(FileNotFoundError, match="omni://service/key"):
        fs.pipe("files", b"")


def test_copies_go_between_services_with_their_facts(fs: OmniFileSystem) -> None:
    fs.pipe("files/a/1", b"one")
    fs.pipe("files/a/2", b"two")
    fs.copy("files/a", "other/b", recursive=True)
    assert fs.cat(fs.find("other/b")) == {"other/b/1": b"one", "other/b/2": b"two"}
    fs.mv("other/b/1", "files/c")
    assert fs.find("other") == ["other/b/2"]
    assert fs.cat("files/c") == b"one"
    info = fs.info("files/c")
    assert (info["size"], info["content_type"]) == (3, "application/octet-stream")


def test_a_version_is_told_and_changes(fs: OmniFileSystem) -> None:
    fs.pipe("files/k", b"1")
    first, when = fs.ukey("files/k"), fs.modified("files/k")
    fs.pipe("files/k", b"1")
    assert fs.ukey("files/k") != first
    assert fs.modified("files/k") >= when


def test_a_filesystem_and_a_file_that_is_read_can_be_pickled() -> None:
    fs = OmniFileSystem(CONFIG)
    again: Any = pickle.loads(pickle.dumps(fs))
    again.pipe("files/k", b"1")
    assert again.cat("files/k") == b"1"
    fs.close()
    again.close()
    OmniFileSystem.clear_instance_cache()


def test_one_tenant_does_not_see_the_files_of_another(tmp_path: Path) -> None:
    service = {"contract": "objects", "provider": "local", "path": str(tmp_path)}
    config = {"services": {"files": service}}
    one, two = (OmniFileSystem(config, tenant=name, skip_instance_cache=True) for name in "ab")
    one.pipe("files/k", b"1")
    assert not two.exists("files/k")
    assert two.find("files") == []
    one.close()
    two.close()


async def test_a_program_that_awaits_gives_its_own_cloud() -> None:
    async with OmniCloud(CONFIG) as cloud:
        fs = OmniFileSystem(cloud=cloud, asynchronous=True, skip_instance_cache=True)
        async with await fs.open_async("files/k", "wb") as file:
            await file.write(b"x" * 6 * MIB)
            await file.write(b"y")
        async with await fs.open_async("files/k") as file:
            assert await file.read(3) == b"xxx"
            assert (await file.read())[-2:] == b"xy"
        with suppress(KeyError):
            async with await fs.open_async("files/no", "wb") as file:
                await file.write(b"x" * 6 * MIB)
                raise KeyError
        assert not await fs._exists("files/no")
        assert await cloud.objects("files").download("k", end=2) == b"xx"
        await fs.aclose()


def test_a_frame_of_pandas_comes_back(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    service = {"contract": "objects", "provider": "local", "path": str(tmp_path)}
    options = {"config": {"services": {"files": service}}}
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "é"]})
    frame.to_csv("omni://files/2026/f.csv", index=False, storage_options=options)
    back = pandas.read_csv("omni://files/2026/f.csv", storage_options=options)
    assert back.equals(frame)
    OmniFileSystem(**options).close()
    OmniFileSystem.clear_instance_cache()
