"""``omnicloud energy``: what is told of this host, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from omnicloud.cli.app import cli
from omnicloud.placement.energy.accounts import OTHERS

CONFIG = '[services.apps]\ncontract = "containers"\nprovider = "memory"\n'
SHORT = ("energy", "--service", "apps", "--for", "0.2", "--step", "0.1")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "omnicloud.toml"
    file.write_text(CONFIG)
    return file


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(config), *arguments])


def test_a_host_with_no_containers_of_the_service_is_all_others(config: Path) -> None:
    watts = ("--idle-watts", "100", "--full-watts", "100")
    site = ("--pue", "1.5", "--grams-per-kwh", "360")
    result = run(config, *SHORT, *watts, *site, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert list(told["workloads"]) == [OTHERS]
    rest = told["workloads"][OTHERS]
    if told["basis"] == "estimate":  # a host with counters measures instead
        assert rest["watts"] == pytest.approx(100.0)
        assert rest["joules"] >= 20.0
    assert rest["gco2e"] == pytest.approx(rest["joules"] / 3.6e6 * 360 * 1.5)


def test_without_a_grid_a_person_sees_a_dash(config: Path) -> None:
    result = run(config, *SHORT)
    assert result.exit_code == 0, result.output
    assert "gCO2e" in result.stdout
    assert "this host:" in result.stdout


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--idle-watts", "100"), "go together"),
        (("--pue", "0.5"), "a PUE of 0.5 cannot be"),
        (("--grams-per-kwh", "-1"), "-1.0 gCO2e per kWh cannot be"),
        (("--idle-watts", "nan", "--full-watts", "1"), "finite and at least zero"),
        (("--for", "0"), "seconds"),
    ],
)
def test_what_cannot_be_is_refused(config: Path, wrong: tuple[str, ...], said: str) -> None:
    result = run(config, *SHORT, *wrong)
    assert result.exit_code in (1, 2)
    assert said in result.output
