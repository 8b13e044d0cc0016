"""The emulator is found, or it is told why not; half an installation is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnicloud_azure.azurite import installed
from omnicloud_tck.servers import NoServerError


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def _npm(folder: Path, script: str) -> None:
    npm = folder / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)


def test_without_npm_it_is_told_what_to_install(programs: Path) -> None:
    with pytest.raises(NoServerError, match="npm"):
        installed()


def test_an_installation_that_fails_is_tried_again_and_one_that_is_there_is_not(
    programs: Path,
) -> None:
    for _ in range(2):
        _npm(programs, "echo no room >&2; exit 1")
        with pytest.raises(NoServerError, match="no room"):
            installed()
    _npm(programs, "exit 0")
    program = installed()
    _npm(programs, "exit 1")
    assert installed() == program
    assert program.name == "main.js"
