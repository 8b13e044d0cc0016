"""A provider of someone else's, in a folder that knows nothing of this repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from omnicloud_tck.certificates.trust import checked
from omnicloud_tck.cli import certify
from omnicloud_tck.finding import NotFound, found

PACKAGE = """
from omnicloud.contracts.kv import KVFeature
from omnicloud.memory.kv import MemoryKV
from omnicloud.registry.provider import Offer, Provider
from omnicloud_tck.reference import memory_world


def world(contract):
    return memory_world(MemoryKV)


MyProvider = Provider(
    name="mine",
    config="omnicloud.memory.config:MemoryConfig",
    offers={"kv": Offer("my_package:open_kv", frozenset({KVFeature.TTL}))},
    world="my_package:world",
)


def make():
    return MyProvider


def hook():
    return [MyProvider]


class NotOne:
    pass
"""

TEST = """
import pytest
from click.testing import CliRunner
from my_package import world
from omnicloud_tck.kv import KVContract


class TestMine(KVContract):
    @pytest.fixture
    def make_world(self):
        return lambda: world("kv")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_package.py").write_text(PACKAGE)
    (tmp_path / "test_mine.py").write_text(TEST)
    return tmp_path


def ran(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.slow
def test_a_provider_in_a_folder_is_certified_by_where_it_is(folder: Path) -> None:
    done = ran(folder, "omnicloud", "--json", "certify", "my_package:MyProvider", "--examples", "3")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["provider"]["name"], told["certified"]) == ("mine", True)
    assert checked(folder / "certificates" / "mine.json", frozenset()).problems == ()
    assert (folder / "certificates" / "mine.html").exists()
    assert (folder / "certificates" / "mine.svg").exists()


@pytest.mark.slow
def test_plain_inheritance_is_a_whole_test(folder: Path) -> None:
    done = ran(folder, "pytest", "-q", "-p", "no:cacheprovider", "-k", "KV-00 or G-050")
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


@pytest.mark.parametrize("attribute", ["MyProvider", "make", "hook"])
def test_what_makes_a_provider_is_as_good_as_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, attribute: str
) -> None:
    monkeypatch.syspath_prepend(folder)
    assert found(f"my_package:{attribute}").name == "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nobody", "installed are"),
        ("no_such_package:X", "no_such_package"),
        ("my_package:Nothing", "Nothing"),
        ("my_package:NotOne", "not an omnicloud Provider"),
    ],
)
def test_what_is_no_provider_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.syspath_prepend(folder)
    with pytest.raises(NotFound, match=said):
        found(name)


def test_a_wrong_command_of_certify_is_told_before_anything_is_tried(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file where a folder is needed")
    for said, told in (
        (("memory", "--out", str(tmp_path / "file" / "out")), "cannot be written"),
        (("memory", "--examples", "-1"), "is not in the range"),
        (("no-such-provider", "--out", str(tmp_path / "x")), "package.module:ATTRIBUTE"),
    ):
        result = CliRunner().invoke(certify, said)
        assert (result.exit_code, told in result.stderr) == (2, True), result.output
    assert not (tmp_path / "x").exists()
