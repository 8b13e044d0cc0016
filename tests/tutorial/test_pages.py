"""What the pages of the documentation show is Python, TOML and commands that exist."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from omnicloud.cli.app import COMMANDS, cli
from omnicloud.config.load import interpret
from omnicloud.config.tree import Tree
from omnicloud.registry.discovery import Registry
from omnicloud.resolver.planner import make_plan

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"\bomnicloud (?!--)([a-z-]+)(?: ([a-z-]+(?:\|[a-z-]+)*))?")


def blocks(language: str) -> Iterator[tuple[Path, str, str]]:
    for page in PAGES:
        for kind, info, code in BLOCK.findall(page.read_text()):
            if kind == language and "--8<--" not in code:
                yield page, info, code


def test_every_python_block_is_python() -> None:
    found = list(blocks("python"))
    assert len(found) > 20
    for page, _, code in found:
        try:
            compile(
                code, str(page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
            )
        except SyntaxError as error:
            pytest.fail(f"{page}: {error}\n{code}")


def test_every_configuration_can_be_planned() -> None:
    registry = Registry.discover()
    planned = 0
    for _, _, code in blocks("toml"):
        values = tomllib.loads(code)
        if "services" not in values or "some-broker" in code:
            continue
        make_plan(interpret(Tree(values), []), registry)
        planned += 1
    assert planned >= 6


def test_every_command_that_is_shown_exists() -> None:
    shown = 0
    text = "".join(code for _, _, code in blocks("console"))
    text += (DOCS / "guides" / "cli.md").read_text().replace("\\|", "|")
    for name, verbs in COMMAND.findall(text):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None, name
        shown += 1
        if isinstance(command, click.Group):
            for verb in filter(None, verbs.split("|")):
                assert verb in command.commands, f"{name} {verb}"
    assert shown > 15


def test_the_guide_of_the_command_tells_every_command() -> None:
    guide = (DOCS / "guides" / "cli.md").read_text()
    for name in COMMANDS:
        assert f"`omnicloud {name}" in guide, name


def test_the_first_program_counts_on(tmp_path: Path) -> None:
    (code,) = [code for _, info, code in blocks("python") if 'title="first.py"' in info]
    said = [_run(code, tmp_path) for _ in range(2)]
    assert said == ["hello 1\n", "hello 2\n"]


def _run(code: str, folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


def _environment() -> Mapping[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("OMNICLOUD_")}
