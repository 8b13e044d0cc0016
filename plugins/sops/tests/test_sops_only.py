"""What only this provider can get wrong: damaged files, identities, and what is told of them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from omnicloud.contracts.secrets import Secrets
from omnicloud.errors import (
    ConfigurationError,
    CorruptedError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
)
from omnicloud_sops import store
from omnicloud_sops.config import SopsConfig
from omnicloud_tck.telling import everything

CANARY = "canary-9b1f-value"
TREE = {"a": CANARY, "b": "two", "n": {"c": "three"}, "list": ["x", "y"]}


def _moved(text: str) -> str:
    tree = json.loads(text)
    tree["a"], tree["b"] = tree["b"], tree["a"]
    return json.dumps(tree)


def _without(text: str) -> str:
    tree = json.loads(text)
    del tree["b"]
    return json.dumps(tree)


def _in_the_clear(text: str) -> str:
    return json.dumps({**json.loads(text), "b": CANARY})


def _unsigned(text: str) -> str:
    tree = json.loads(text)
    del tree["sops"]["mac"]
    return json.dumps(tree)


def _emptied(text: str) -> str:
    return json.dumps({**json.loads(text), "b": ""})


def _reordered(text: str) -> str:
    tree = json.loads(text)
    tree["list"].reverse()
    return json.dumps(tree)


DAMAGE: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "blank": lambda text: "\n \n",
    "cut": lambda text: text[: len(text) // 2],
    "no mapping": lambda text: "[]",
    "not encrypted": lambda text: json.dumps(TREE),
    "a byte of a value": lambda text: re.sub(r"data:..", "data:AA", text, count=1),
    "moved": _moved,
    "without one": _without,
    "in the clear": _in_the_clear,
    "unsigned": _unsigned,
    "emptied": _emptied,
    "reordered": _reordered,
    "a key twice": lambda text: text.replace("{", '{"a": "x",', 1),
    "one name twice": lambda text: text.replace("{", '{"n/c": "",', 1),
    "not UTF-8": lambda text: "\udcff" + text,
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_file_is_an_error_never_a_missing_or_another_secret(
    shop: Any, damage: str
) -> None:
    path = shop.encrypted("secrets.json", json.dumps(TREE))
    secrets = await shop.open(path)
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[damage](whole.decode()).encode(errors="surrogateescape"))
    damaged = path.read_bytes()
    for call in (
        lambda: secrets.get("a"),
        lambda: secrets.get("missing"),
        lambda: secrets.set("a", CANARY),
        lambda: secrets.delete("a"),
        lambda: anext(secrets.list()),
    ):
        with pytest.raises(CorruptedError) as told:
            await call()
        assert CANARY not in everything(told.value)
    assert path.read_bytes() == damaged
    with pytest.raises(CorruptedError):
        await shop.open(path)
    path.write_bytes(whole)
    assert await secrets.get("a") == CANARY


async def test_missing_empty_and_absent_are_told_apart(shop: Any) -> None:
    path = shop.encrypted("secrets.json", '{"empty": "", "null": null}')
    secrets = await shop.open(path)
    assert await secrets.get("empty") == ""
    for name in ("null", "never"):
        with pytest.raises(SecretNotFoundError):
            await secrets.get(name)
    path.unlink()
    for call in (lambda: secrets.get("never"), lambda: secrets.set("x", "y")):
        with pytest.raises(UnavailableError) as told:
            await call()
        assert told.value.outcome is Outcome.NOT_DONE
    with pytest.raises(ConfigurationError, match="create = true"):
        await shop.open(path)
    path.write_bytes(b"")
    with pytest.raises(CorruptedError, match="empty"):
        await secrets.get("never")
    with pytest.raises(CorruptedError, match="empty"):
        await shop.open(path, create=True)
    path.unlink()
    made = await shop.open(path, create=True)
    assert [name async for name in made.list()] == []


async def test_an_identity_file_that_others_may_read_is_refused(shop: Any) -> None:
    path = shop.encrypted("secrets.json", '{"a": "b"}')
    secrets = await shop.open(path, identity=None, identity_file=shop.key_file)
    assert await secrets.get("a") == "b"
    for mode in (0o640, 0o604, 0o620):
        shop.key_file.chmod(mode)
        with pytest.raises(PermissionDeniedError, match="others may read"):
            await secrets.get("a")
    shop.key_file.chmod(0o400)
    assert await secrets.get("a") == "b"
    shop.key_file.unlink()
    with pytest.raises(UnavailableError, match="identity file"):
        await secrets.get("a")


async def test_an_identity_that_was_replaced_counts_at_once(shop: Any) -> None:
    path = shop.encrypted("secrets.json", '{"a": "b"}')
    secrets = await shop.open(path, identity=None, identity_file=shop.key_file)
    old, other = shop.key_file.read_text(), str(type(shop.identity).generate())
    shop.key_file.write_text(other)
    with pytest.raises(PermissionDeniedError, match="none of the identities") as told:
        await secrets.get("a")
    assert other not in everything(told.value)
    shop.key_file.write_text(f"{other}\n{old}")
    assert await secrets.get("a") == "b"


async def test_a_line_that_is_no_identity_is_not_told(shop: Any) -> None:
    path = shop.encrypted("secrets.json", '{"a": "b"}')
    for text in (f"AGE-SECRET-KEY-1{CANARY}", CANARY, "", "# nothing"):
        shop.key_file.write_text(text)
        for options in (
            {"identity": None, "identity_file": shop.key_file},
            {"identity": SecretStr(text)},
        ):
            with pytest.raises(ConfigurationError) as told:
                await shop.open(path, **options)
            assert CANARY not in everything(told.value)


async def test_without_settings_the_identity_is_where_sops_looks_for_it(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.encrypted("secrets.json", '{"a": "b"}')
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(shop.key_file))
    assert await (await shop.open(path, identity=None)).get("a") == "b"
    monkeypatch.delenv("SOPS_AGE_KEY_FILE")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.folder / "config"))
    with pytest.raises(UnavailableError):
        await shop.open(path, identity=None)
    usual = shop.folder / "config" / "sops" / "age" / "keys.txt"
    usual.parent.mkdir(parents=True)
    shop.key_file.rename(usual)
    assert await (await shop.open(path, identity=None)).get("a") == "b"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": "secrets.env"}, "path must end in"),
        ({"path": "a.json", "identity": CANARY, "identity_file": "x"}, "exclude each other"),
        ({"path": "a.yaml", "identity": CANARY, "create": True}, "create needs"),
        ({"path": "a.json", "identity": CANARY, "create": True, "read_only": True}, "create needs"),
        ({"path": "a.json", "identity": CANARY, "key": "x"}, "key"),
    ],
)
def test_settings_that_do_not_fit_are_refused_and_not_quoted(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as told:
        SopsConfig.model_validate(options)
    assert CANARY not in str(told.value)
    assert CANARY not in repr(SopsConfig(path=Path("a.json"), identity=SecretStr(CANARY)))


@pytest.mark.parametrize(
    "metadata",
    [
        {"mac_only_encrypted": True},
        {"unencrypted_comment_regex": "x"},
        {"key_groups": [{"age": []}]},
        {"shamir_threshold": 2},
        {"age": []},
        {"encrypted_regex": "("},
    ],
)
async def test_a_file_that_uses_what_is_not_known_is_refused_when_it_is_opened(
    shop: Any, metadata: dict[str, Any]
) -> None:
    path = shop.encrypted("secrets.json", json.dumps(TREE))
    tree = json.loads(path.read_text())
    tree["sops"] |= metadata
    path.write_text(json.dumps(tree))
    with pytest.raises(ConfigurationError):
        await shop.open(path)


async def test_a_document_that_tells_yaml_to_build_objects_is_refused(shop: Any) -> None:
    path = shop.encrypted("secrets.yaml", "a: b\n")
    secrets = await shop.open(path)
    path.write_text("!!python/object/apply:os.system ['true']\n")
    with pytest.raises(CorruptedError, match="no YAML"):
        await secrets.get("a")


@pytest.mark.parametrize(
    "added", ["z: &q [a]\ny: *q\n", "z: &q [*q]\n", f"z: {'[' * 900}{']' * 900}\n"]
)
async def test_yaml_that_is_small_and_unfolds_without_end_is_refused(shop: Any, added: str) -> None:
    path = shop.encrypted("secrets.yaml", "a: b\n")
    secrets = await shop.open(path)
    path.write_text(added + path.read_text())
    with pytest.raises(CorruptedError):
        await secrets.get("a")


async def test_changes_by_several_clients_at_once_are_all_kept(shop: Any) -> None:
    path = shop.folder / "secrets.json"
    clients = [await shop.open(path, create=True) for _ in range(4)]

    async def write(number: int) -> None:
        secrets: Secrets = clients[number % 4]
        await secrets.set(f"k{number}", f"{number}")

    await asyncio.gather(*map(write, range(24)))
    assert shop.decrypted(path) == {f"k{number}": f"{number}" for number in range(24)}
    assert {each.name for each in shop.folder.iterdir()} == {
        "keys.txt",
        "secrets.json",
        ".secrets.json.lock",
    }


async def test_a_change_waits_for_another_process_and_not_for_ever(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True)
    await secrets.set("k", "before")
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import fcntl, sys\n"
        "lock = open(sys.argv[1], 'r+')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()",
        str(path.with_name(".secrets.json.lock")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    await holder.stdout.readline()
    waiting = asyncio.ensure_future(secrets.set("k", "after"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    assert await secrets.get("k") == "before"
    with monkeypatch.context() as patched:
        patched.setattr(store, "_PATIENCE", 0.05)
        other = await shop.open(path)
        with pytest.raises(UnavailableError, match="others have kept") as told:
            await other.set("k", "never")
        assert told.value.outcome is Outcome.NOT_DONE
    holder.stdin.close()
    await holder.wait()
    await waiting
    assert await secrets.get("k") == "after"


async def test_opening_and_changing_starts_no_process_and_puts_nothing_into_the_environment(
    shop: Any,
) -> None:
    started: list[str] = []
    listening = True

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event in ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec"):
            started.append(event)

    sys.addaudithook(hear)
    before = dict(os.environ)
    secrets = await shop.open(shop.folder / "secrets.json", create=True)
    await secrets.set("k", CANARY)
    assert await secrets.get("k") == CANARY
    await secrets.delete("k")
    listening = False
    assert started == []
    assert dict(os.environ) == before


async def test_a_full_or_forbidden_folder_is_told_and_leaves_the_file_as_it_was(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True)
    await secrets.set("k", "v")
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(store.os, "fsync", full)
        with pytest.raises(OmniCloudError, match="No space left") as told:
            await secrets.set("k", CANARY)
        assert told.value.outcome is Outcome.NOT_DONE
        assert CANARY not in everything(told.value)
    assert path.read_bytes() == before
    assert len(list(shop.folder.glob(".secrets.json.*"))) == 1


WRITER = """
import asyncio, sys
from pathlib import Path
from omnicloud.contracts.secrets import Secrets
from omnicloud.core.pipeline import Pipeline
from omnicloud_sops.config import SopsConfig
from omnicloud_sops.secrets import open_secrets
from omnicloud_tck.served import Lone

async def main():
    config = SopsConfig(path=Path(sys.argv[1]), identity_file=Path(sys.argv[2]))
    secrets = Secrets(Pipeline(await open_secrets(config, Lone())))
    for number in range(1_000_000):
        await secrets.set("k", f"{number}")
        print(number, flush=True)

asyncio.run(main())
"""


async def test_a_writer_that_is_killed_leaves_what_it_acknowledged_and_no_lock(shop: Any) -> None:
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True)
    for _ in range(3):
        writer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", WRITER, str(path), str(shop.key_file)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert writer.stdout is not None
        for _ in range(8):
            await writer.stdout.readline()
        writer.kill()
        acknowledged = 7 + len((await writer.stdout.read()).split())
        await writer.wait()
        assert int((await secrets.get("k")).reveal()) in (acknowledged, acknowledged + 1)
        assert shop.decrypted(path)["k"] == await secrets.get("k")
        await secrets.set("other", "not kept out")
