"""The options by which anyone repeats a benchmark of placement on another fleet."""

from __future__ import annotations

import json
import re
import runpy
import sys
import zipfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks" / "placement"


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The modules that scripts there import from beside them."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == str(BENCHMARKS / f"{name}.py"):
            del sys.modules[name]


def parser(**how: Any) -> ArgumentParser:
    made: Callable[..., ArgumentParser]
    made = runpy.run_path(str(BENCHMARKS / "_options.py"))["options_of"]
    return made("a benchmark", **how)


def test_an_option_that_means_nothing_to_a_benchmark_says_so_and_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = parser(unused={"weeks": "the trace has one day"}).parse_args(
        ["--weeks", "2", "--node", "48x384", "--orders", "2", "--seed", "0"]
    )
    assert "--weeks is not used: the trace has one day" in capsys.readouterr().err
    assert (said.node, said.orders, said.seed, "weeks" in said) == ("48x384", 2, 0, False)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--node", "32"), ("--node", "0x4"), ("--orders", "0"), ("--weeks", "-1"), ("--seed", "x")],
)
def test_an_option_that_cannot_be_is_refused_before_anything_is_read(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        parser().parse_args([option, value])
    assert refused.value.code == 2
    assert repr(value) in capsys.readouterr().err


def test_every_script_takes_the_five_options() -> None:
    scripts = list(BENCHMARKS.glob("[!_]*.py"))
    made = re.compile(r"(options_of|fleet_options)\(")
    assert [path.name for path in scripts if not made.search(path.read_text())] == []
    assert len(scripts) >= 12


def test_knobs_that_were_chosen_for_another_node_are_not_taken(tmp_path: Path) -> None:
    from _packing import Node
    from _policies import POLICIES, Remembered

    policy = next(one for one in POLICIES if one.name == "omnicloud")
    window = {"first_day": 14.0, "predictor": policy.predictors[0].name, "knob": 0.7}
    told = {
        "data_sha256": {},
        "options": {"seed": "7", "node": "32x128"},
        "windows": {"omnicloud": [window]},
    }
    results = tmp_path / "B1.json"
    results.write_text(json.dumps(told))

    def chosen(node: Node) -> object:
        fleet = SimpleNamespace(hashes={})
        bench: Any = SimpleNamespace(fleet=fleet, seed=7, node=node, choose=lambda *_: "anew")
        return Remembered(bench, results).choose(policy, 14 * 288)

    assert getattr(chosen(Node(32, 128)), "knob", None) == 0.7
    assert chosen(Node(24, 192)) == "anew"


def test_data_of_a_users_own_is_read_and_what_is_not_in_form_is_named(tmp_path: Path) -> None:
    import rules
    from _packing import Node

    folder = tmp_path / "tianchi_b"
    folder.mkdir()
    tables = {
        "my_app_resources.csv": "small,1|2,4|4,1,1,0,0\nlarge,9|9,4|4,1,1,0,0\n",
        "my_instance_deploy.csv": "i-1,small,\ni-2,large,\ni-3,small,\n",
        "my_app_interference.csv": "small,large,0\nsmall,small,1\n",
    }
    with zipfile.ZipFile(folder / "mine.zip", "w") as packed:
        for name, text in tables.items():
            packed.writestr(name, text)
    hashes: dict[str, str] = {}
    problem = rules.load(tmp_path, Node(8, 16), hashes)
    assert (problem.items.tolist(), list(hashes)) == ([0, 0], ["mine.zip"])
    assert problem.demands[0].max() == 0.25
    with pytest.raises(SystemExit, match="no container fits"):
        rules.load(tmp_path, Node(0.5, 16), {})
    for wrong in (b"junk", (folder / "mine.zip").read_bytes()[:200]):
        (folder / "mine.zip").write_bytes(wrong)
        with pytest.raises(SystemExit, match=r"mine\.zip cannot be read as three tables"):
            rules.load(tmp_path, Node(8, 16), {})
