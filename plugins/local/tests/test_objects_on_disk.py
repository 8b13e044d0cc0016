"""What local objects are on the disk, and what becomes of them when it fails."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from omnicloud.contracts.objects import Objects
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import AlreadyExistsError, CorruptedError, NotFoundError
from omnicloud_local.config import LocalConfig
from omnicloud_local.objects import open_objects
from omnicloud_tck.served import Lone


async def opened(path: Path, opening: Lone) -> Objects:
    driver = await open_objects(LocalConfig(path=path, durability="process"), opening)
    return Objects(Pipeline(driver))


def files(path: Path) -> list[Path]:
    return [file for file in (path / "objects").glob("*/*") if file.is_file()]


@pytest.mark.parametrize("place", [0, 70_000, 199_999, 200_001])
async def test_a_flipped_bit_is_told_and_left(tmp_path: Path, place: int) -> None:
    opening = Lone()
    objects = await opened(tmp_path, opening)
    await objects.upload("k", os.urandom(200_000))
    (file,) = files(tmp_path)
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    with pytest.raises(CorruptedError):
        await objects.download("k")
    assert file.read_bytes() == bytes(data)
    await opening.aclose()


async def test_a_file_that_was_cut_or_lost_is_told(tmp_path: Path) -> None:
    opening = Lone()
    objects = await opened(tmp_path, opening)
    await objects.upload("k", os.urandom(200_000))
    (file,) = files(tmp_path)
    os.truncate(file, 150_000)
    with pytest.raises(CorruptedError):
        await objects.download("k")
    file.unlink()
    with pytest.raises(CorruptedError):
        await objects.download("k")
    await opening.aclose()


async def test_no_name_is_in_a_path_and_no_file_is_left_over(tmp_path: Path) -> None:
    opening = Lone()
    objects = await opened(tmp_path, opening)
    for key in ("../climb", "/etc/passwd", "a\0b", "x" * 1024, "CON", "a", "a/b"):
        await objects.upload(key, b"1")
        await objects.upload(key, b"2")
        await objects.copy(key, f"{key[:100]} copy")
    with pytest.raises(AlreadyExistsError):
        await objects.upload("a", b"3", if_absent=True)
    with pytest.raises(NotFoundError):
        await objects.upload("a", b"3", upload_id="no such upload")
    assert len(files(tmp_path)) == 14
    names = {entry.name for entry in tmp_path.rglob("*")}
    assert not names & {"climb", "passwd", "CON", "b"}
    await objects.delete_many([item.key async for item in objects.list()])
    assert files(tmp_path) == []
    await opening.aclose()


async def test_old_files_that_nothing_names_are_collected_and_new_ones_kept(tmp_path: Path) -> None:
    opening = Lone()
    objects = await opened(tmp_path, opening)
    await objects.upload("k", b"kept")
    folder = files(tmp_path)[0].parent
    old, new = f"{folder.name}-old", f"{folder.name}-new"
    for name, age in ((old, 7200), (new, 60)):
        (folder / name).write_bytes(b"left by a crash")
        stamp = (folder / name).stat().st_mtime - age
        os.utime(folder / name, (stamp, stamp))
    await opened(tmp_path, opening)
    names = {file.name for file in files(tmp_path)}
    assert new in names
    assert old not in names
    assert await objects.download("k") == b"kept"
    await opening.aclose()


async def test_an_upload_that_never_ended_is_forgotten_after_a_week(tmp_path: Path) -> None:
    opening = Lone()
    objects = await opened(tmp_path, opening)
    old, new = await objects.begin_upload("k"), await objects.begin_upload("k")
    await opening.shared[0].write(
        lambda db: db.execute(
            "UPDATE objects_uploads SET begun = begun - 8 * 86400 WHERE id = ?", (old,)
        )
    )
    again = await opened(tmp_path, opening)
    with pytest.raises(NotFoundError):
        await again.upload("k", b"x", upload_id=old)
    await again.upload("k", b"x", upload_id=new)
    await opening.aclose()


_WRITER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = {path!r}
from test_objects_on_disk import opened
from omnicloud_tck.served import Lone

async def main():
    objects = await opened(Path(sys.argv[1]), Lone())
    for number in range(1, 100000):
        await objects.upload("k", bytes([number % 251]) * (100_000 + number))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_a_killed_writer_leaves_one_whole_object(tmp_path: Path) -> None:
    code = _WRITER.format(path=[str(Path(__file__).parent)])
    for kills in range(3):
        writer = subprocess.Popen(  # noqa: ASYNC220 - it is started, not waited for
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(5 + kills):
            acknowledged = int(await asyncio.to_thread(writer.stdout.readline))
        writer.send_signal(signal.SIGKILL)
        rest = [line for line in writer.stdout.read().split("\n") if line.isdigit()]
        acknowledged = int(rest[-1]) if rest else acknowledged
        writer.wait()
        writer.stdout.close()
        opening = Lone()
        data = await (await opened(tmp_path, opening)).download("k")
        number = len(data) - 100_000
        assert number in (acknowledged, acknowledged + 1)
        assert data == bytes([number % 251]) * len(data)
        await opening.aclose()


async def test_a_copy_onto_itself_undoes_no_write_beside_it(tmp_path: Path) -> None:
    opening = Lone()
    objects = await opened(tmp_path, opening)
    await objects.upload("k", b"first")
    for number in range(100):
        data = b"%d" % number
        await asyncio.gather(objects.copy("k", "k"), objects.upload("k", data))
        assert await objects.download("k") == data
    assert len(files(tmp_path)) == 1
    await opening.aclose()
