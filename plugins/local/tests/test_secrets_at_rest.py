"""What the local secret store writes to the disk, and who may read it."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import pytest

from omnicloud.contracts.secrets.driver import Get, Set
from omnicloud.errors import ConfigurationError, CorruptedError, PermissionDeniedError
from omnicloud_local.config import LocalConfig
from omnicloud_local.keys import KeyFile
from omnicloud_local.secrets import KEY_FILE, LocalSecrets, open_secrets
from omnicloud_tck.served import Lone

CANARY = b"canary-93b1-plain"


async def opened(path: Path, opening: Lone, **more: str) -> LocalSecrets:
    return await open_secrets(LocalConfig(path=path, **more), opening)  # type: ignore[arg-type]


async def value_of(driver: LocalSecrets, name: str) -> bytes | None:
    stored = await driver.get(Get(name))
    return stored and stored.value


async def test_no_value_is_on_the_disk_in_the_clear(tmp_path: Path) -> None:
    opening = Lone()
    driver = await opened(tmp_path, opening)
    await driver.set(Set("name", CANARY))
    await driver.set(Set("name", CANARY + b"2", grace=10))
    on_disk = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert CANARY not in on_disk
    assert base64.b64encode(CANARY)[:12] not in on_disk
    await opening.aclose()


async def test_equal_values_are_sealed_differently(tmp_path: Path) -> None:
    opening = Lone()
    driver = await opened(tmp_path, opening)
    for name in ("a", "b", "a"):
        await driver.set(Set(name, CANARY))
    rows = await opening.shared[0].read(
        lambda db: [bytes(row[0]) for row in db.execute("SELECT sealed FROM secrets")]
    )
    assert len(rows) == 3
    assert len({row[:32] for row in rows}) == 3
    assert len({row[32:] for row in rows}) == 3
    await opening.aclose()


async def test_the_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    opening = Lone()
    await opened(tmp_path, opening)
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    await opening.aclose()
    for mode in (0o640, 0o604, 0o620):
        (tmp_path / KEY_FILE).chmod(mode)
        with pytest.raises(PermissionDeniedError):
            await opened(tmp_path, opening)
        await opening.aclose()


async def test_racing_openers_share_one_key(tmp_path: Path) -> None:
    openings = [Lone() for _ in range(8)]
    drivers = await asyncio.gather(*(opened(tmp_path, each) for each in openings))
    for number, driver in enumerate(drivers):
        await driver.set(Set(f"of-{number}", b"%d" % number))
    for driver in drivers:
        assert [await value_of(driver, f"of-{n}") for n in range(8)] == [
            b"%d" % n for n in range(8)
        ]
    assert sorted(file.name for file in tmp_path.glob("*.key*")) == [KEY_FILE]
    for each in openings:
        await each.aclose()


async def test_rotating_the_master_key_keeps_every_value_readable(tmp_path: Path) -> None:
    one, two = Lone(), Lone()
    driver, other = await opened(tmp_path, one), await opened(tmp_path, two)
    await driver.set(Set("before", b"before"))
    old = KeyFile(tmp_path / KEY_FILE).read().current
    assert await driver.rotate_master_key() == 1
    await other.set(Set("after", b"after"))
    assert await value_of(other, "before") == b"before"
    assert await value_of(driver, "after") == b"after"
    ids = await one.shared[0].read(lambda db: set(db.execute("SELECT key_id FROM secrets")))
    assert ids == {(KeyFile(tmp_path / KEY_FILE).read().current.id,)}
    assert (old.id,) not in ids
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    await one.aclose()
    await two.aclose()


async def test_a_lost_key_file_is_not_replaced(tmp_path: Path) -> None:
    opening = Lone()
    driver = await opened(tmp_path, opening)
    await driver.set(Set("name", CANARY))
    await opening.aclose()
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(ConfigurationError, match="missing"):
        await opened(tmp_path, opening)
    assert not (tmp_path / KEY_FILE).exists()
    await opening.aclose()


async def test_a_broken_key_file_is_left_as_it_is(tmp_path: Path) -> None:
    opening = Lone()
    (tmp_path / KEY_FILE).write_bytes(b"not a key\n")
    (tmp_path / KEY_FILE).chmod(0o600)
    with pytest.raises(CorruptedError):
        await opened(tmp_path, opening)
    assert (tmp_path / KEY_FILE).read_bytes() == b"not a key\n"
    await opening.aclose()


async def test_a_moved_or_changed_value_does_not_open(tmp_path: Path) -> None:
    opening = Lone()
    driver = await opened(tmp_path, opening)
    await driver.set(Set("a", b"of a"))
    await driver.set(Set("b", b"of b"))
    await opening.shared[0].write(
        lambda db: db.execute(
            "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE name = ?) "
            "WHERE name = ?",
            (b"a", b"b"),
        )
    )
    with pytest.raises(CorruptedError):
        await driver.get(Get("b"))
    assert await value_of(driver, "a") == b"of a"
    await opening.aclose()


async def test_a_given_key_leaves_no_key_file(tmp_path: Path) -> None:
    opening = Lone()
    key = base64.b64encode(os.urandom(32)).decode()
    driver = await opened(tmp_path, opening, secrets_key=key)
    await driver.set(Set("name", CANARY))
    assert await value_of(driver, "name") == CANARY
    assert not (tmp_path / KEY_FILE).exists()
    with pytest.raises(ConfigurationError):
        await driver.rotate_master_key()
    with pytest.raises(ConfigurationError, match="32 bytes"):
        await opened(tmp_path, opening, secrets_key="c2hvcnQ=")
    await opening.aclose()
