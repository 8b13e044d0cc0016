"""The command, as a person and as a program uses it."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from omnicloud.cli.app import COMMANDS, cli
from omnicloud.config.files import FILE_VARIABLE

Run = Callable[..., Result]

GOOD = '[services.orders]\ncontract = "kv"\nprovider = "memory"\nrequires = ["ttl"]\n'
BAD = '[services.orders]\ncontract = "kv"\nprovider = "memory"\nurl = 1\n[services.x]\n'


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FILE_VARIABLE, raising=False)

    def command(*args: str, config: str | None = None) -> Result:
        if config is not None:
            (tmp_path / "omnicloud.toml").write_text(config)
        return CliRunner().invoke(cli, list(args))

    return command


def answer(result: Result) -> Any:
    return json.loads(result.stdout)


def test_every_command_has_help(run: Run) -> None:
    listed = run("--help").stdout
    for name in COMMANDS:
        assert name in listed
        helped = run(name, "--help")
        assert helped.exit_code == 0
        assert "--json" in helped.stdout
    assert run("nonsense").exit_code == 2


def every_command(group: click.Group, *names: str) -> Iterator[tuple[str, click.Command]]:
    """All commands with the words that call them, groups and those below them too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield " ".join((*names, name)), command
        if isinstance(command, click.Group):
            yield from every_command(command, *names, name)


def test_no_summary_of_a_command_is_cut_and_every_option_says_what_it_is_for(run: Run) -> None:
    assert not cut(run("--help"))
    for called, command in every_command(cli):
        assert not cut(run(*called.split(), "--help")), called
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{called} {option.name}"


def cut(helped: Result) -> list[str]:
    return [line for line in helped.stdout.splitlines()[1:] if line.endswith("...")]


def test_an_error_is_told_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("kv", "get", "orders", "k", config='[defaults]\nprovider = "local"\n')
    Path(".omnicloud/omnicloud.db").write_text("no database")
    with monkeypatch.context() as alone:
        alone.setattr(logging.getLogger(), "handlers", [])  # as in a command of its own
        failed = run("kv", "get", "orders", "k")
    assert failed.exit_code == 1
    assert failed.stderr.startswith(f"opening {Path.cwd()}")
    assert len(failed.stderr.splitlines()) == 1


def test_init_writes_a_file_once_that_can_be_planned(run: Run, tmp_path: Path) -> None:
    assert run("init").exit_code == 0
    file = tmp_path / "omnicloud.toml"
    text = file.read_text()
    again = run("init")
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert file.read_text() == text
    file.write_text(text.replace('"local"', '"memory"'))
    assert run("plan").exit_code == 0


def test_init_writes_where_it_is_told(run: Run, tmp_path: Path) -> None:
    assert answer(run("--json", "--config", "other.toml", "init")) == {"written": "other.toml"}
    assert (tmp_path / "other.toml").exists()
    assert run("--config", "no/folder/x.toml", "init").exit_code == 2


def test_plan_shows_what_would_be_opened(run: Run) -> None:
    result = run("plan", config=GOOD)
    assert result.exit_code == 0
    assert "1. orders: kv from memory" in result.stdout
    assert answer(run("plan", "--json")) == answer(run("--json", "plan"))
    (service,) = answer(run("plan", "--json"))["services"]
    assert (service["name"], service["requires"]) == ("orders", ["ttl"])


def test_a_wrong_plan_ends_with_2_and_all_mistakes(run: Run) -> None:
    result = run("plan", config=BAD)
    assert result.exit_code == 2
    assert "3 mistakes" in result.stderr
    assert "omnicloud.toml:4: services.orders.url: unknown key" in result.stderr
    told = answer(run("plan", "--json"))
    assert [(one["line"], one["path"]) for one in told["problems"]] == [
        (4, "services.orders.url"),
        (5, "services.x.contract"),
        (5, "services.x.provider"),
    ]
    assert run("doctor").exit_code == 2
    assert run("--config", "absent.toml", "plan").exit_code == 2


def test_doctor_opens_and_asks_every_service(run: Run) -> None:
    result = run("doctor", config=GOOD)
    assert result.exit_code == 0
    assert "well" in result.stdout
    told = answer(run("doctor", "--json"))
    assert told["healthy"] is True
    assert told["services"][0]["pinged"] is True
    assert set(told["versions"]) == {"python", "omnicloud"}


def test_doctor_ends_with_1_when_a_service_is_not_well(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omnicloud.errors import UnavailableError
    from omnicloud.memory import open as openers

    async def refused(*_: object) -> None:
        raise UnavailableError("refused")

    monkeypatch.setattr(openers, "open_kv", refused)
    both = GOOD + '[services.b]\ncontract = "kv"\nprovider = "memory"\n'
    result = run("doctor", "--json", config=both)
    assert result.exit_code == 1
    told = answer(result)
    assert [one["healthy"] for one in told["services"]] == [False, False]
    assert "refused" in told["services"][0]["detail"]
    assert "not opened   refused" in run("doctor").stdout


def test_doctor_finds_what_cannot_be_written_if_told_to_write(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omnicloud.errors import ResourceExhaustedError
    from omnicloud.memory.kv import MemoryKV

    every = "".join(
        f'[services.{contract}]\ncontract = "{contract}"\nprovider = "memory"\n'
        for contract in ("kv", "cache", "objects", "locks", "messaging")
    )
    told = answer(run("doctor", "--write", "--json", config=every))
    assert told["healthy"] is True
    assert len(told["services"]) == 5

    async def full(*_: object) -> None:
        raise ResourceExhaustedError("the disk is full")

    monkeypatch.setattr(MemoryKV, "set", full)
    assert run("doctor").exit_code == 0
    written = run("doctor", "--write", "--json")
    assert written.exit_code == 1
    unwell = [one for one in answer(written)["services"] if not one["healthy"]]
    assert [(one["service"], one["detail"]) for one in unwell] == [("kv", "the disk is full")]


def test_providers_lists_contracts_and_features(run: Run) -> None:
    told = answer(run("providers", "--json", config='blocked = ["s3"]\n'))
    memory = next(one for one in told["providers"] if one["name"] == "memory")
    assert memory["distribution"] == "omnicloud"
    assert "compare_and_set" in memory["contracts"]["kv"]
    assert told["blocked"] == ["s3"]
    assert "memory" in run("providers").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(run: Run, shell: str) -> None:
    assert "_OMNICLOUD_COMPLETE" in run("completion", shell).stdout
    assert answer(run("--json", "completion", shell))["shell"] == shell


@pytest.mark.parametrize(
    ("module", "extra", "said"), [("click", "cli", "plan"), ("numpy", "placement", "recommend x")]
)
def test_without_what_it_needs_the_command_says_how_to_get_it(
    module: str, extra: str, said: str
) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = 'omnicloud {said}'.split()\n"
        "from omnicloud.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert f'pip install "omnicloud[{extra}]"' in done.stderr


def test_an_answer_that_finds_no_room_is_told_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from omnicloud.cli import main; main()", "providers"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("the answer cannot be written")
