"""The bar says which laws run and how long the rest takes."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from certificate_samples import certificate, written
from omnicloud_tck.beside import PROCESSES
from omnicloud_tck.certify import WORKERS, Trial
from omnicloud_tck.law import Law
from omnicloud_tck.progress import (
    USUAL_SECONDS,
    Bar,
    expected_seconds,
    last_durations,
    progress_of,
)
from omnicloud_tck.reference import world
from omnicloud_tck.runner import Result, Verdict

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def trial() -> Trial:
    return Trial("sagas", lambda: world("sagas"))


def shown(trial: Trial, told: list[Law | Result]) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=200)
    with progress_of(console) as progress:
        bar = Bar(progress, "memory sagas", trial, {})
        for one in told:
            bar.told(one)
        progress.refresh()
    return _CONTROL.sub("", console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO


def test_the_laws_that_run_are_named_until_they_end(trial: Trial) -> None:
    first, second = trial.laws[:2]
    text = shown(trial, [first, second])
    assert f"{first.id}, {second.id}" in text
    ended = Result(first, Verdict.HELD, "", 0.1, 0)
    last = shown(trial, [first, second, ended]).strip().splitlines()[-1]
    assert f"1/{len(trial.laws)}" in last
    assert second.id in last


def test_a_broken_law_is_told_with_its_reason_as_it_is(trial: Trial) -> None:
    law = trial.laws[0]
    wrong = Result(law, Verdict.BROKEN, "[red]x[/]", 0, 0)
    assert "[red]x[/]" in shown(trial, [law, wrong])


def test_when_all_have_ended_nothing_is_left(trial: Trial) -> None:
    ended: list[Law | Result] = [Result(law, Verdict.HELD, "", 0, 0) for law in trial.laws]
    assert "done" in shown(trial, ended).strip().splitlines()[-1]


def test_what_is_left_is_reckoned_by_the_last_run(trial: Trial, tmp_path: Path) -> None:
    known = last_durations(written(tmp_path, certificate()))
    laws = certificate().contracts["sagas"].laws
    assert known == {("sagas", law.id): law.seconds for law in laws}
    some = [law for law in trial.laws if not law.alone][:4]
    durations = {("sagas", law.id): 2.0 for law in some}
    assert expected_seconds("sagas", some, durations, virtual=True) == 8.0 / PROCESSES
    assert expected_seconds("sagas", some, durations, virtual=False) == 8.0 / WORKERS
    assert expected_seconds("sagas", some, {}, virtual=True) == pytest.approx(
        4 * USUAL_SECONDS / PROCESSES
    )


def test_without_a_last_run_there_are_no_durations(tmp_path: Path) -> None:
    assert last_durations(tmp_path / "missing.json") == {}
    (tmp_path / "old.json").write_text('{"provider": "of another schema"}')
    assert last_durations(tmp_path / "old.json") == {}
