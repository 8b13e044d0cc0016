"""Fleets out of files, and the command that decides over them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from omnicloud.cli.app import cli
from omnicloud.errors import InvalidArgumentError, NotFoundError
from omnicloud.placement.sources import read_fleet

FLEET = """
[[nodes]]
name = "n-1"
capacity = { cpu_cores = 8, memory_bytes = "32GiB", floppies = 1 }
labels = { disk = "ssd" }
price_per_hour = 0.4

[[nodes]]
name = "n-2"
capacity = { cpu_cores = 8, memory_bytes = "32GiB" }
price_per_hour = 0.4

[[workloads]]
name = "web-1"
node = "n-1"
request = { cpu_cores = 1, memory_bytes = "4GiB" }
labels = { app = "web" }

[[workloads]]
name = "web-2"
request = { cpu_cores = 2, memory_bytes = "4GiB" }
anti_affinity = [{ match = { app = "web" } }]

[[workloads]]
name = "wide"
request = { cpu_cores = 7 }
requirements = [{ key = "disk", operator = "in", values = ["ssd"] }]

[options]
move_budget = 1
"""
WRONG = """
[[nodes]]
name = "x"
capacity = { cpu_cores = "lots" }
colour = "red"

[[nodes]]
name = "y"
capacity = { cpu_cores = 1 }
power = { watts = [1, 2], gramms_per_kwh = 3 }

[[workloads]]
request = { cpu_cores = 1 }

[extra]
"""


def written(folder: Path, text: str, name: str = "fleet.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_a_fleet_is_read_with_units_labels_and_where_workloads_are(tmp_path: Path) -> None:
    snapshot, options = read_fleet(written(tmp_path, FLEET))
    assert [node.capacity.memory_bytes for node in snapshot.nodes] == [32 << 30] * 2
    assert snapshot.nodes[0].capacity.extra == (("floppies", 1.0),)
    assert [(one.workload.name, one.node) for one in snapshot.placed] == [("web-1", "n-1")]
    assert [one.name for one in snapshot.pending] == ["web-2", "wide"]
    assert snapshot.placed[0].workload.labels == (("app", "web"),)
    assert options.move_budget == 1


def test_every_mistake_in_a_fleet_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        read_fleet(written(tmp_path, WRONG))
    for said in (
        "unknown sections extra",
        "nodes.x.colour: unknown key",
        "nodes.x: 'lots' is no amount",
        "nodes.y.power.gramms_per_kwh: unknown key",
        "workloads.0.name: Field required",
    ):
        assert said in str(raised.value)


def test_a_file_that_is_no_fleet_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_fleet(tmp_path / "none.toml")
    with pytest.raises(InvalidArgumentError, match="no TOML"):
        read_fleet(written(tmp_path, "= 1"))
    with pytest.raises(InvalidArgumentError, match="no JSON"):
        read_fleet(written(tmp_path, "{", "fleet.json"))
    with pytest.raises(InvalidArgumentError, match="no table"):
        read_fleet(written(tmp_path, "[]", "fleet.json"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("fleet.toml", b'[[nodes]]\nname = "\xfc"', "no TOML"),
        ("fleet.json", b'{"nodes": "\xff"}', "no JSON"),
        ("fleet.json", b'{"nodes": [{"name": "\\ud800", "capacity": {}}]}', "no JSON"),
        ("fleet.json", b"[" * 100_000, "no JSON"),
        ("fleet.toml", b"[[nodes]]\ncapacity = {pids = 1%s}" % (b"0" * 400), "no amount"),
    ],
    ids=["toml latin", "json latin", "json surrogate", "json deep", "huge"],
)
def test_text_that_cannot_be_is_named(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=words):
        read_fleet(tmp_path / name)


def test_a_mark_of_the_byte_order_is_no_part_of_a_fleet(tmp_path: Path) -> None:
    (tmp_path / "fleet.toml").write_bytes(b"\xef\xbb\xbf" + FLEET.encode())
    assert len(read_fleet(tmp_path / "fleet.toml")[0].nodes) == 2


def test_the_command_says_what_goes_where_and_why_not(tmp_path: Path) -> None:
    file = written(tmp_path, FLEET.replace("cpu_cores = 7", "cpu_cores = 7.5"))
    done = CliRunner().invoke(cli, ["plan", "placement", str(file)])
    assert done.exit_code == 0, done.output
    assert "web-2" in done.output
    assert "n-2" in done.output
    assert "no place for wide" in done.output
    assert "2 nodes in use for 0.8 an hour" in done.output
    told = json.loads(CliRunner().invoke(cli, ["plan", "placement", str(file), "--json"]).output)
    assert told["placements"][0]["workload"] == "web-2"
    wrong = CliRunner().invoke(cli, ["plan", "placement", str(written(tmp_path, WRONG))])
    assert wrong.exit_code == 2
