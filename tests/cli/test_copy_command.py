"""``omnicloud copy``, killed in the middle and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omnicloud.cli.app import cli
from omnicloud.cloud import OmniCloud
from omnicloud.config.files import FILE_VARIABLE

Run = Callable[..., Result]

CONTRACTS = {"kv": "kv", "blobs": "objects", "vault": "secrets", "docs": "documents"}
SERVICES = "".join(
    f'[services.{name}-{which}]\ncontract = "{contract}"\nprovider = "local"\n'
    f'path = "{which}"\ndurability = "process"\n'
    for name, contract in CONTRACTS.items()
    for which in ("old", "new")
)
COMMAND = "from omnicloud.cli import main; main()"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    (tmp_path / "omnicloud.toml").write_text(SERVICES)
    return lambda *args: CliRunner().invoke(cli, list(args))


async def fill(number: int) -> None:
    async with OmniCloud() as cloud:
        kv = cloud.kv("kv-old", bytes)
        await kv.set_many({f"k-{n:04}": b"%d" % n for n in range(number)})
        await cloud.objects("blobs-old").upload("a/b", b"blob", content_type="text/x")
        await cloud.secrets("vault-old").set("db", "hunter2")
        await cloud.documents("docs-old").insert_one("orders", {"_id": "o", "n": 1})


async def test_each_contract_is_copied_and_answers_in_json(run: Run) -> None:
    await fill(3)
    for name in CONTRACTS:
        more = ("--collection", "orders") if name == "docs" else ()
        result = await in_thread(run, "copy", f"{name}-old", "--to", f"{name}-new", "--json", *more)
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert told["copied"] == told["found"] == (3 if name == "kv" else 1)
        assert "not carried: versions" in result.stderr
        assert "hunter2" not in result.output + Path(told["journal"]).read_text()
    async with OmniCloud() as cloud:
        assert await cloud.kv("kv-new", bytes).get("k-0002") == b"2"
        assert (await cloud.objects("blobs-new").stat("a/b")).content_type == "text/x"
        assert await cloud.secrets("vault-new").get("db") == "hunter2"
        assert await cloud.documents("docs-new").find_one("orders", {}) == {"_id": "o", "n": 1}


async def in_thread(run: Run, *args: str) -> Result:
    import anyio.to_thread

    return await anyio.to_thread.run_sync(lambda: run(*args))


async def test_killed_in_the_middle_it_goes_on_and_nothing_is_lost(
    run: Run, tmp_path: Path
) -> None:
    await fill(800)
    journal = tmp_path / "j"
    words = ("copy", "kv-old", "--to", "kv-new", "--journal", str(journal), "--json")
    child = subprocess.Popen(  # noqa: ASYNC220 - what it does meanwhile is looked at
        [sys.executable, "-c", COMMAND, *words],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={key: value for key, value in os.environ.items() if key != FILE_VARIABLE},
    )
    until = time.monotonic() + 60
    while journal_lines(journal) < 100 and time.monotonic() < until and child.poll() is None:
        time.sleep(0.002)  # noqa: ASYNC251 - nothing else runs in this loop
    child.send_signal(signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL
    noted = journal_lines(journal)
    assert 100 <= noted < 800
    result = await in_thread(run, *words)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["unchanged"] >= noted - 2  # the first line, and perhaps half of one
    assert told["unchanged"] + told["copied"] == 800
    async with OmniCloud() as cloud:
        old, new = cloud.kv("kv-old", bytes), cloud.kv("kv-new", bytes)
        keys = [key async for key in old.scan()]
        assert [key async for key in new.scan()] == keys
        assert await new.get_many(keys) == await old.get_many(keys)


def journal_lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


async def test_a_dry_run_tells_what_is_not_carried_and_writes_nothing(run: Run) -> None:
    await fill(1)
    words = ("copy", "kv-old", "--to", "kv-new")
    result = await in_thread(run, *words, "--dry-run", "--json")
    assert result.exit_code == 0
    assert "versions" in {loss["what"] for loss in json.loads(result.stdout)["losses"]}
    assert not list(Path().glob("*.journal"))
    async with OmniCloud() as cloud:
        assert await cloud.kv("kv-new", bytes).get("k-0000") is None


def test_what_is_not_configured_or_of_two_contracts_is_refused(run: Run) -> None:
    result = run("copy", "nothing", "--to", "kv-new")
    assert result.exit_code == 2
    assert "--contract" in result.stderr
    result = run("copy", "kv-old", "--to", "vault-new")
    assert result.exit_code == 2
    assert "is a secrets service" in result.stderr
