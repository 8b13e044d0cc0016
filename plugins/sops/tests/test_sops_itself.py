"""What SOPS writes this provider reads, and what it writes SOPS reads."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from omnicloud.contracts.secrets import SecretsFeature
from omnicloud.errors import SecretNotFoundError, UnsupportedError
from omnicloud_tck.samples import NAMES

YAML = """
# a comment that SOPS encrypts as well
db:
  password: "tröst\\n"
  port: 5432
  ratio: 1.50
  tiny: 1e-7
  "on": true
  nothing: null
  empty: ""
list:
  - a
  - b: c
  - [1, 2.50, false, null, ""]
plain_unencrypted:
  flag: yes
  time: 12:30:45
  when: 2024-01-02T03:04:05Z
  number: 17
  ratio: 0.50
  truth: true
"5": five
when: 2024-01-02T03:04:05Z
multi: |
  -----BEGIN KEY-----
  abc
"""


async def test_every_kind_of_value_that_sops_wrote_as_yaml_is_read(shop: Any) -> None:
    secrets = await shop.open(shop.encrypted("secrets.yaml", YAML))
    expected = {
        "db/password": "tröst\n",
        "db/port": "5432",
        "db/ratio": "1.5",
        "db/tiny": "0.0000001",
        "db/on": "True",
        "db/empty": "",
        "5": "five",
        "multi": "-----BEGIN KEY-----\nabc\n",
        "plain_unencrypted/flag": "yes",
        "plain_unencrypted/time": "12:30:45",
        "plain_unencrypted/number": "17",
        "plain_unencrypted/ratio": "0.5",
        "plain_unencrypted/truth": "True",
        "plain_unencrypted/when": "2024-01-02T03:04:05Z",
        "when": "2024-01-02T03:04:05Z",
    }
    assert [name async for name in secrets.list()] == sorted(expected)
    for name, value in expected.items():
        assert (await secrets.get(name)).reveal() == value, name
    for name in ("db/nothing", "list", "list/0", "b", "db", "sops", "sops/mac", "sops/version"):
        with pytest.raises(SecretNotFoundError):
            await secrets.get(name)


@pytest.mark.parametrize(
    "rule",
    [
        ("--encrypted-regex", "^(data|pass.*)$"),
        ("--unencrypted-regex", "^pub"),
        ("--encrypted-suffix", "_secret"),
        ("--unencrypted-suffix", "_open"),
    ],
)
async def test_values_that_a_files_rules_leave_in_the_clear_are_read_too(
    shop: Any, rule: tuple[str, str]
) -> None:
    tree = {"data": {"a": "1"}, "public": "2", "pass_open": "3", "b_secret": {"c": ["4"]}, "n": 1.5}
    path = shop.encrypted("secrets.json", json.dumps(tree), *rule)
    secrets = await shop.open(path)
    names = {"data/a": "1", "public": "2", "pass_open": "3", "n": "1.5"}
    assert {name async for name in secrets.list()} == set(names)
    for name, value in names.items():
        assert (await secrets.get(name)).reveal() == value
    refused = {"^(data|pass.*)$": "x", "^pub": "pub", "_secret": "x", "_open": "x_open"}[rule[1]]
    before = path.read_bytes()
    with pytest.raises(UnsupportedError, match="in the clear"):
        await secrets.set(refused, "value")
    assert path.read_bytes() == before
    await secrets.set("data_secret" if rule[1] == "_secret" else "password", "new")
    assert "new" in shop.decrypted(path).values()


async def test_any_names_and_values_are_read_by_sops_and_stay_after_its_edit(shop: Any) -> None:
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True)
    names = [*NAMES, "sops", "./sops", "././sops", "a_unencrypted", "a:b", "<&>\u2028"]
    for number, name in enumerate(names):
        await secrets.set(name, f"value {number}\n\0é🦀")
    for name in names[::7]:
        await secrets.delete(name)
    left = {name: number for number, name in enumerate(names) if number % 7}
    read = shop.decrypted(path)
    assert sorted(read.values()) == sorted(f"value {number}\n\0é🦀" for number in left.values())
    for name, number in left.items():
        if name not in ("sops", "./sops", "././sops"):
            assert read[name] == f"value {number}\n\0é🦀"
    assert b"value" not in path.read_bytes()
    shop.sops("set", str(path), '["by sops"]', '"edited"')
    assert await secrets.get("by sops") == "edited"
    for name, number in left.items():
        assert await secrets.get(name) == f"value {number}\n\0é🦀"


async def test_bytes_that_are_no_text_come_back_and_text_like_them_too(shop: Any) -> None:
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True)
    values = [
        b"\xff\xfe",
        b"",
        b"omnicloud-bytes:",
        b"omnicloud-bytes:AAAA",
        b"\xed\xa0\x80",
        b"ok",
    ]
    for number, value in enumerate(values):
        await secrets.set(f"{number}", value)
    for number, value in enumerate(values):
        assert (await secrets.get(f"{number}")).reveal_bytes() == value
    read = shop.decrypted(path)
    assert (read["0"], read["1"], read["5"]) == ("omnicloud-bytes://4=", "", "ok")


async def test_a_nested_secret_is_changed_where_it_stands(shop: Any) -> None:
    tree = {"db": {"password": "old", "user": "u"}, "lone": {"deep": {"x": "y"}}, "list": ["z"]}
    path = shop.encrypted("secrets.json", json.dumps(tree))
    secrets = await shop.open(path)
    await secrets.set("db/password", "new")
    await secrets.set("db/other", "flat")
    for taken in ("db", "list", "lone"):
        with pytest.raises(UnsupportedError, match="mapping or a list"):
            await secrets.set(taken, "value")
    assert await secrets.delete("lone/deep/x")
    assert not await secrets.delete("lone/deep/x")
    assert shop.decrypted(path) == {
        "db": {"password": "new", "user": "u"},
        "list": ["z"],
        "db/other": "flat",
    }


async def test_a_change_by_sops_is_seen_and_gives_that_secret_alone_a_new_version(
    shop: Any,
) -> None:
    path = shop.encrypted("secrets.json", '{"a": "1", "b": "2", "c": ""}')
    secrets = await shop.open(path)
    before = {name: (await secrets.get(name)).version for name in ("a", "b")}
    watch = secrets.watch("a")
    told = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(shop.sops, "set", str(path), '["a"]', '"rotated"')
    change = await asyncio.wait_for(told, 10)
    await watch.aclose()
    got = await secrets.get("a")
    assert got == "rotated"
    assert got.version == change.version != before["a"]
    assert (await secrets.get("b")).version == before["b"]
    shop.sops("rotate", "--in-place", str(path))
    assert await secrets.get("a") == "rotated"


async def test_yaml_and_read_only_files_are_read_and_watched_and_never_changed(shop: Any) -> None:
    yaml = shop.encrypted("secrets.yaml", "a: b\n")
    as_json = shop.encrypted("secrets.json", '{"a": "b"}')
    for secrets in (await shop.open(yaml), await shop.open(as_json, read_only=True)):
        assert secrets.pipeline.driver.features == {SecretsFeature.WATCH}
        for call in (lambda s=secrets: s.set("a", "c"), lambda s=secrets: s.delete("a")):
            with pytest.raises(UnsupportedError, match="only read"):
                await call()
        assert await secrets.get("a") == "b"
    assert shop.decrypted(yaml) == shop.decrypted(as_json) == {"a": "b"}


async def test_a_file_that_is_made_is_for_the_recipients_that_were_named(shop: Any) -> None:
    other = type(shop.identity).generate()
    recipients = (str(other.to_public()), str(shop.identity.to_public()))
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True, recipients=recipients)
    await secrets.set("k", "v")
    assert path.stat().st_mode & 0o777 == 0o600
    shop.key_file.write_text(str(other))
    assert shop.decrypted(path) == {"k": "v"}


async def test_an_empty_secret_has_a_version_of_its_own(shop: Any) -> None:
    path = shop.folder / "secrets.json"
    secrets = await shop.open(path, create=True)
    first = await secrets.set("empty", "")
    await secrets.set("other", "1")
    assert (await secrets.get("empty")).version == first
    second = await secrets.set("empty", "")
    assert second != first
    shop.sops("set", str(path), '["empty"]', '"full"')
    shop.sops("set", str(path), '["empty"]', '""')
    assert (await secrets.get("empty")).version not in (first, second)
    assert shop.decrypted(path) == {"empty": "", "other": "1"}
