"""The provider of the tutorial, installed as a third party's would be, is found and certified."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

SHELF = Path(__file__).parents[2] / "examples" / "shelf"
COMMAND = "from omnicloud.cli import main; main()"


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the folder is a distribution with its own entry points."""
    project = tomllib.loads((SHELF / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / f"omnicloud_shelf-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    path = os.pathsep.join([str(tmp_path / "site"), str(SHELF)])
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OMNICLOUD_")}
    return {**kept, "PYTHONPATH": path}


def omnicloud(environment: dict[str, str], folder: Path, *args: str, text: str = "") -> Any:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "--json", *args],
        cwd=folder,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else None


def test_a_folder_that_is_installed_is_found_with_what_it_can_do(
    installed: dict[str, str], tmp_path: Path
) -> None:
    told = omnicloud(installed, tmp_path, "providers")
    shelf = next(one for one in told["providers"] if one["name"] == "shelf")
    assert shelf["distribution"] == "omnicloud-shelf"
    assert shelf["contracts"] == {"kv": ["durable"]}
    assert told["left_out"] == []


def test_it_serves_a_configured_service(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "omnicloud.toml").write_text(
        '[services.notes]\ncontract = "kv"\nprovider = "shelf"\npath = "shelf"\n'
        'requires = ["durable"]\n'
    )
    assert omnicloud(installed, tmp_path, "doctor")["healthy"]
    (folder,) = (tmp_path / "shelf").iterdir()
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_it_is_certified(installed: dict[str, str], tmp_path: Path) -> None:
    told = omnicloud(installed, tmp_path, "certify", "shelf", "--examples", "5")
    assert told["provider"]["name"] == "shelf"
    assert told["certified"]
    assert set(told["contracts"]["kv"]["capped_by"]) == {"cut", "outage", "partition", "slow"}
