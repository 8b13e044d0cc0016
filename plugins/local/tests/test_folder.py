"""The folder of the embedded default: kept out of version control, and told of where it is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnicloud import OmniCloud, UnavailableError


async def _used(folder: Path) -> None:
    service = {"contract": "kv", "provider": "local", "path": str(folder)}
    async with OmniCloud({"services": {"a": service}}) as cloud:
        await cloud.kv("a").set("k", "v")


async def test_the_default_folder_is_ignored_by_git_and_others_are_left_alone(
    tmp_path: Path,
) -> None:
    await _used(tmp_path / ".omnicloud")
    await _used(tmp_path / "data")
    assert (tmp_path / ".omnicloud" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "data" / ".gitignore").exists()


async def test_what_was_said_of_the_default_folder_stays(tmp_path: Path) -> None:
    folder = tmp_path / ".omnicloud"
    folder.mkdir()
    await _used(folder)
    assert not (folder / ".gitignore").exists()


async def test_a_file_where_the_folder_is_needed_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UnavailableError, match="its path must be a folder"):
        await _used(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
