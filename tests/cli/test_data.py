"""The commands about data, over the embedded default in a folder of their own."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from omnicloud import Message, OmniCloud, ProcessingOutcome
from omnicloud.cli.app import cli
from omnicloud.config.files import FILE_VARIABLE

Run = Callable[..., Result]

SERVICES = "".join(
    f'[services.{name}]\ncontract = "{contract}"\nprovider = "local"\n'
    for name, contract in {
        "orders": "kv",
        "files": "objects",
        "vault": "secrets",
        "mail": "messaging",
    }.items()
)
BYTES = b"\xff\x00bytes"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    (tmp_path / "omnicloud.toml").write_text(SERVICES)

    def command(*args: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli, list(args), input=stdin)

    return command


def answer(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_every_verb_has_help_and_json(run: Run) -> None:
    for group in ("kv", "objects", "secrets", "messages"):
        for verb in cli.get_command(None, group).commands:  # type: ignore[arg-type, union-attr]
            helped = run(group, verb, "--help")
            assert helped.exit_code == 0
            assert "--json" in helped.stdout
            assert "--tenant" in helped.stdout


def test_a_value_is_set_read_listed_and_deleted(run: Run) -> None:
    version = run("kv", "set", "orders", "o-1", "open").stdout.strip()
    assert run("kv", "get", "orders", "o-1").stdout == "open"
    told = answer(run("kv", "get", "orders", "o-1", "--json"))
    assert told == {
        "key": "o-1", "value": "open", "base64": False, "version": version, "expires_in": None,
    }  # fmt: skip
    run("kv", "set", "orders", "o-2", "-", stdin=BYTES)
    assert run("kv", "get", "orders", "o-2").stdout_bytes == BYTES
    told = answer(run("--json", "kv", "get", "orders", "o-2"))
    assert (base64.b64decode(told["value"]), told["base64"]) == (BYTES, True)
    assert run("kv", "list", "orders").stdout.split() == ["o-1", "o-2"]
    assert answer(run("kv", "list", "orders", "o-2", "--json"))["keys"] == ["o-2"]
    assert answer(run("kv", "delete", "orders", "o-1", "--json"))["deleted"] is True
    assert answer(run("kv", "delete", "orders", "o-1", "--json"))["deleted"] is False


def test_a_list_that_is_cut_says_so(run: Run) -> None:
    for number in range(3):
        run("kv", "set", "orders", f"o-{number}", "x")
    told = answer(run("kv", "list", "orders", "--limit", "2", "--json"))
    assert told == {"keys": ["o-0", "o-1"], "more": True}
    assert "there are more" in run("kv", "list", "orders", "--limit", "2").stderr
    assert answer(run("kv", "list", "orders", "--limit", "3", "--json"))["more"] is False


def test_a_write_can_have_a_time_and_a_condition(run: Run) -> None:
    run("kv", "set", "orders", "o-1", "open", "--ttl", "60", "--if-absent")
    assert 0 < answer(run("kv", "get", "orders", "o-1", "--json"))["expires_in"] <= 60
    again = run("kv", "set", "orders", "o-1", "other", "--if-absent", "--json")
    assert again.exit_code == 1
    assert json.loads(again.stdout)["error"] == "AlreadyExistsError"
    assert run("kv", "set", "orders", "o-1", "x", "--if-version", "0").exit_code == 1
    assert run("kv", "get", "orders", "o-1").stdout == "open"


def test_errors_end_with_1_or_for_a_wrong_command_2_a_message_and_a_hint(run: Run) -> None:
    absent = run("kv", "get", "orders", "absent")
    assert absent.exit_code == 1
    assert "there is no key 'absent'" in absent.stderr
    assert absent.stdout == ""
    unknown = run("kv", "get", "ordres", "o-1")
    assert unknown.exit_code == 2
    assert "did you mean 'orders'?" in unknown.stderr
    other = run("objects", "list", "orders")
    assert other.exit_code == 2
    assert "is a kv service" in other.stderr
    assert run("kv", "set", "orders", "", "x").exit_code == 2
    assert run("kv", "get").exit_code == 2


def test_a_wrong_configuration_ends_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "omnicloud.toml").write_text(SERVICES + "[services.bad]\n")
    assert run("kv", "list", "orders").exit_code == 2


def test_only_the_wanted_service_is_opened(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file where a folder is needed")
    broken = '[services.broken]\ncontract = "kv"\nprovider = "local"\npath = "blocked/x"\n'
    (tmp_path / "omnicloud.toml").write_text(SERVICES + broken)
    assert run("kv", "list", "broken").exit_code == 1
    assert run("kv", "list", "orders").exit_code == 0


def test_the_keeper_of_a_services_secrets_is_opened_too(run: Run, tmp_path: Path) -> None:
    run("secrets", "set", "vault", "folder", stdin="elsewhere\n")
    far = '[services.far]\ncontract = "kv"\nprovider = "local"\npath = "secret:vault/folder"\n'
    (tmp_path / "omnicloud.toml").write_text(SERVICES + far)
    assert run("kv", "set", "far", "k", "v").exit_code == 0
    assert (tmp_path / "elsewhere").is_dir()


def test_tenants_do_not_see_each_other(run: Run) -> None:
    run("kv", "set", "orders", "k", "acme's", "--tenant", "acme")
    assert run("kv", "get", "orders", "k").exit_code == 1
    assert run("kv", "get", "orders", "k", "--tenant", "acme").stdout == "acme's"
    assert run("kv", "list", "orders", "--tenant", "acme").stdout.strip() == "k"


def test_a_file_is_put_listed_described_and_fetched(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(BYTES * 1000)
    put = run("objects", "put", "files", "a/b", str(source), "--content-type", "image/x")
    assert put.exit_code == 0
    told = answer(run("objects", "stat", "files", "a/b", "--json"))
    assert (told["size_bytes"], told["content_type"]) == (len(BYTES) * 1000, "image/x")
    assert told["version"] == put.stdout.strip()
    assert "image/x" in run("objects", "stat", "files", "a/b").stdout
    assert answer(run("objects", "get", "files", "a/b", str(target), "--json"))["key"] == "a/b"
    assert target.read_bytes() == source.read_bytes()
    assert run("objects", "get", "files", "a/b").stdout_bytes == source.read_bytes()
    assert answer(run("objects", "get", "files", "a/b", "--json"))["base64"] is True
    listed = answer(run("objects", "list", "files", "--delimiter", "/", "--json"))
    assert [one["key"] for one in listed["objects"]] == ["a/"]
    assert "a/b" in run("objects", "list", "files").stdout
    assert run("objects", "delete", "files", "a/b").exit_code == 0
    assert run("objects", "list", "files").stdout.strip() == "no objects"


def test_what_cannot_be_fetched_leaves_the_file_as_it_was(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("before")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run("objects", "get", "files", "absent", str(target)).exit_code == 1
    assert target.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != ".omnicloud") == before
    nowhere = run("objects", "get", "files", "absent", str(tmp_path / "no" / "folder"))
    assert nowhere.exit_code == 1
    assert "cannot be written" in nowhere.stderr


def test_a_secret_is_read_from_input_and_printed_only_when_asked(run: Run) -> None:
    done = run("secrets", "set", "vault", "db", stdin="s3cret\n")
    assert done.exit_code == 0
    for args in (("get", "vault", "db"), ("get", "vault", "db", "--json"), ("list", "vault")):
        shown = run("secrets", *args)
        assert shown.exit_code == 0
        assert "s3cret" not in shown.output
    assert run("secrets", "get", "vault", "db", "--reveal").stdout == "s3cret"
    assert answer(run("secrets", "get", "vault", "db", "--reveal", "--json"))["value"] == "s3cret"
    run("secrets", "set", "vault", "db", "--raw", stdin="newer\n")
    assert run("secrets", "get", "vault", "db", "--reveal").stdout == "newer\n"
    first = done.stdout.strip()
    assert run("secrets", "get", "vault", "db", "--reveal", "--version", first).stdout == "s3cret"
    assert answer(run("secrets", "list", "vault", "--json"))["names"] == ["db"]
    assert run("secrets", "delete", "vault", "db").stdout.strip() == "deleted"
    assert run("secrets", "get", "vault", "db").exit_code == 1


def test_a_secret_is_never_an_argument(run: Run) -> None:
    assert run("secrets", "set", "vault", "db", "s3cret").exit_code == 2
    assert answer(run("secrets", "list", "vault", "--json"))["names"] == []


def test_a_message_is_published_and_counted(run: Run) -> None:
    assert answer(run("messages", "depth", "mail", "letters", "--json"))["ready"] == 0
    args = ("messages", "publish", "mail", "letters", "hello", "--key", "k", "--header", "a=b")
    assert run(*args, "--id", "m-1").stdout.strip() == "m-1"
    later = answer(run("messages", "publish", "mail", "letters", "-", "--delay", "60", "--json"))
    assert later["id"]
    assert answer(run("messages", "depth", "mail", "letters", "--json"))["scheduled"] == 1
    assert "scheduled: 1" in run("messages", "depth", "mail", "letters").stdout
    assert run("messages", "publish", "mail", "letters", "x", "--header", "no").exit_code == 2


def test_dead_letters_are_listed_and_delivered_again(run: Run, tmp_path: Path) -> None:
    import asyncio

    from omnicloud import Message, OmniCloud, ProcessingOutcome

    async def fail_one() -> None:
        dead = asyncio.Event()

        async def handle(message: Message) -> ProcessingOutcome:
            dead.set()
            return ProcessingOutcome.FAIL

        async with OmniCloud(tmp_path / "omnicloud.toml") as cloud:
            mail = cloud.messaging("mail")
            work = asyncio.create_task(mail.consume("letters", handle))
            await mail.publish("letters", b"hello", message_id="m-1")
            async with asyncio.timeout(20):
                while (await mail.depth("letters")).dead == 0:
                    await asyncio.wait_for(dead.wait(), 20)
                    await asyncio.sleep(0.01)
            work.cancel()
            await asyncio.wait({work})

    asyncio.run(fail_one())
    (letter,) = answer(run("messages", "dead-letters", "mail", "letters", "--json"))["dead_letters"]
    assert (letter["id"], letter["value"], letter["attempts"]) == ("m-1", "hello", 1)
    shown = run("messages", "dead-letters", "mail", "letters").stdout
    assert "m-1" in shown
    assert "hello" not in shown
    assert run("messages", "redrive", "mail", "letters").exit_code == 2
    assert answer(run("messages", "redrive", "mail", "letters", "m-1", "--json"))["redriven"] == 1
    assert answer(run("messages", "redrive", "mail", "letters", "--all", "--json"))["redriven"] == 0
    assert run("messages", "dead-letters", "mail", "letters").stdout.strip() == "no dead letters"


def test_dead_letters_are_read_whole_and_what_waits_is_counted(run: Run, tmp_path: Path) -> None:
    async def die() -> None:
        async with OmniCloud(tmp_path / "omnicloud.toml") as cloud:
            mail = cloud.messaging("mail")
            died = asyncio.Event()

            async def handle(message: Message) -> ProcessingOutcome:
                died.set()
                return ProcessingOutcome.FAIL

            await mail.subscribe("letters")
            await mail.publish("letters", b"dear customer", "ada", {"tone": "warm"})
            work = asyncio.create_task(mail.consume("letters", handle))
            await died.wait()
            work.cancel()
            await asyncio.wait({work})

    asyncio.run(die())
    run("messages", "publish", "mail", "letters", "waits")
    for _ in range(2):  # looking changes nothing
        told = answer(run("messages", "peek", "mail", "letters", "--json"))
        assert (told["ready"], told["dead"]) == (1, 1)
        (letter,) = told["dead_letters"]
        assert (letter["value"], letter["key"]) == ("dear customer", "ada")
    text = run("messages", "peek", "mail", "letters").stdout
    for words in ("ready: 1", "key: ada", "header tone: warm", "payload: dear customer"):
        assert words in text
    empty = answer(run("messages", "peek", "mail", "letters", "--group", "other", "--json"))
    assert empty["dead_letters"] == []


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(run: Run) -> None:
    refused = run("secrets", "set", "vault", "db", "hunter2", stdin="x\n")
    assert refused.exit_code == 2
    assert "standard input" in refused.stderr
    assert "hunter2" not in refused.output
    assert run("secrets", "get", "vault", "db").exit_code == 1


def test_nothing_on_standard_input_does_not_overwrite_a_secret(run: Run) -> None:
    run("secrets", "set", "vault", "db", stdin="hunter2\n")
    assert run("secrets", "set", "vault", "db", stdin="").exit_code == 2
    assert run("secrets", "get", "vault", "db", "--reveal").stdout == "hunter2"
    assert run("secrets", "set", "vault", "db", "--raw", stdin="").exit_code == 0


def test_the_configuration_may_be_named_behind_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[services.a]\ncontract = "kv"\nprovider = "memory"\n')
    assert run("kv", "list", "a").exit_code == 2
    assert run("kv", "list", "a", "--config", "other.toml").exit_code == 0
    assert run("plan", "--config", "other.toml").stdout.startswith("1. a: kv")


def test_a_misspelt_command_is_guessed(run: Run) -> None:
    guessed = run("secret", "list", "vault")
    assert guessed.exit_code == 2
    assert "did you mean 'secrets'?" in guessed.stderr
