"""Released libraries of others under the laws: what is said of them is still so."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from examples.certify.findings import FINDINGS, SHOWS, Kind, explained
from examples.certify.page import PAGE, table, written
from examples.certify.subjects import SUBJECTS, subject
from examples.certify.trying import Outcome, _outcome
from examples.certify.undone import UNDONE, Undone
from omnicloud_tck.contract import Contract
from omnicloud_tck.law import laws_of
from omnicloud_tck.runner import Result, Verdict, try_law
from omnicloud_tck.world import World

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(SHOWS.glob("*.py"))
BROKEN = {
    "aiobreaker": ("BRK-002",),
    "aiobreaker-unwrapped": ("BRK-023", "BRK-025"),
    "aiocache": ("CA-010", "CA-022"),
    "casbin": ("IAM-001",),
    "cashews-disk": ("CA-012",),
    "cashews-memory": ("CA-012", "CA-020", "CA-021"),
    "filelock": ("LO-003",),
    "fsspec-local": ("G-005", "OBJ-005"),
    "fsspec-memory": ("G-005", "OBJ-005"),
    "key-value-memory": ("KV-020",),
    "litequeue": ("MS-033",),
    "obstore-local": ("OBJ-003", "OBJ-005"),
    "obstore-memory": ("G-005", "OBJ-003"),
    "persist-queue": ("MS-033",),
    "purgatory": ("BRK-007", "BRK-023"),
    "redis-lock": ("LO-022",),
}
HELD = {
    "aiobreaker": ("BRK-001",),
    "aiobreaker-unwrapped": ("BRK-002", "BRK-021", "BRK-022"),
    "aiocache": ("CA-001", "CA-012", "CA-020", "G-001", "G-011"),
    "casbin": ("IAM-002", "IAM-003", "IAM-004"),
    "cashews-disk": ("CA-001", "G-001"),
    "cashews-memory": ("CA-001", "G-001"),
    "cedarpy": ("IAM-001", "IAM-003", "IAM-004", "IAM-007", "IAM-020", "IAM-050"),
    "diskcache": ("CA-001", "CA-012", "G-001", "G-010"),
    "filelock": ("LO-001", "LO-007", "LO-009", "LO-010"),
    "fsspec-local": ("G-003", "OBJ-001"),
    "fsspec-memory": ("G-003", "OBJ-001"),
    "key-value-disk": ("KV-001", "KV-020", "G-001"),
    "key-value-memory": ("KV-001", "G-001"),
    "litequeue": ("G-001", "MS-001", "MS-005"),
    "obstore-local": ("G-003", "G-010", "OBJ-001"),
    "obstore-memory": ("G-003", "G-010", "OBJ-001", "OBJ-005"),
    "persist-queue": ("G-001", "MS-001", "MS-005"),
    "purgatory": ("BRK-001", "BRK-002", "BRK-021", "BRK-022"),
    "redis-lock": ("LO-001", "LO-009"),
}
CASES = [
    pytest.param(name, law, verdict, id=f"{name}-{law}")
    for verdict, cases in ((Verdict.BROKEN, BROKEN), (Verdict.HELD, HELD))
    for name, laws in cases.items()
    for law in laws
]


CAUSES = [
    pytest.param(cause, law, id=f"{cause.show}-{law}") for cause in UNDONE for law in cause.laws
]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("name", "law", "verdict"), CASES)
def test_a_library_comes_out_as_the_page_says(name: str, law: str, verdict: Verdict) -> None:
    one = subject(name)
    result = tried(one.contract_class(), law, one.make_world)
    assert (result.verdict, result.reason) == (verdict, result.reason)


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.stem for script in SCRIPTS])
def test_the_released_library_alone_shows_it(script: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "expected" in done.stdout
    assert "happened" in done.stdout


def test_scripts_use_nothing_of_ours() -> None:
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert "omnicloud" not in text, script
        assert "sys.exit(" in text, script


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("cause", "law"), CAUSES)
def test_a_law_holds_once_the_cause_is_undone(cause: Undone, law: str) -> None:
    assert cause.show in {finding.show for finding in explained(cause.subject, law)}
    result = tried(cause.owner, law, cause.world)
    assert (result.verdict, result.reason) == (Verdict.HELD, "")


def test_every_finding_has_its_script_and_every_script_its_finding() -> None:
    shown = {finding.script for finding in FINDINGS if finding.kind is not Kind.KIT}
    assert shown == set(SCRIPTS)


def test_findings_speak_of_libraries_and_laws_that_exist() -> None:
    for finding in FINDINGS:
        for name in finding.subjects:
            laws = {law.id for law in laws_of(subject(name).contract_class())}
            assert laws >= set(finding.laws), (finding.show, name)


def test_the_releases_are_those_that_are_pinned() -> None:
    pinned = [
        line
        for line in (ROOT / "examples/certify/requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    group = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    assert group["certify-others"] == pinned
    versions = {
        line.partition("[")[0].partition("=")[0]: line.rpartition("==")[2] for line in pinned
    }
    for one in SUBJECTS:
        assert one.version == versions[one.distribution], one.distribution


def test_a_law_not_come_to_in_time_is_not_held() -> None:
    one = subject("aiocache")
    outcome = _outcome(one, '["touch"]\n', "it hung", 0)
    assert {law.result for law in outcome.laws} == {Verdict.NOT_TRIED}
    assert outcome.judgement.rung is None
    assert outcome.said == "it hung"


def test_the_page_is_written_between_its_marks_and_nowhere_else() -> None:
    page = PAGE.read_text(encoding="utf-8")
    nothing = Outcome(subject("aiocache"), (), ())
    begin, _, rest = page.partition("<!-- written by")
    after = rest.partition("<!-- end of what is written -->")[2]
    made = written(page, [nothing])
    assert made.startswith(begin)
    assert made.endswith(after)
    assert table([nothing]) in made
    with pytest.raises(ValueError, match="no part between"):
        written("a page of another kind", [nothing])


def tried(owner: type[Contract], law_id: str, make_world: Callable[[], World[Any]]) -> Result:
    (law,) = [law for law in laws_of(owner) if law.id == law_id]
    return try_law(owner(), law, make_world, examples=5)
