"""What a starved engine says is told as a moment's trouble, and its words stay in the cause."""

from __future__ import annotations

import pytest

from omnicloud.errors import ConflictError, NotFoundError, Outcome, UnavailableError
from omnicloud_docker.errors import Refusal, translated


@pytest.mark.parametrize(
    "said",
    [
        "cannot stop container: secret: tried to kill container, but did not receive an exit event",
        "failed to create task for container secret: context deadline exceeded: unknown",
    ],
)
def test_an_engine_that_is_too_slow_may_be_asked_again(said: str) -> None:
    told = translated(Refusal(500, said))
    assert isinstance(told, UnavailableError)
    assert told.outcome is Outcome.UNKNOWN
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    "said",
    [
        "container is marked for removal and cannot be started",
        "removal of container secret is already in progress",
    ],
)
def test_a_container_that_is_being_removed_is_not_there(said: str) -> None:
    assert isinstance(translated(Refusal(409, said)), NotFoundError)


@pytest.mark.parametrize(
    "said",
    [
        "cannot unpause container secret: cannot resume a running process: unknown",
        "cannot unpause container secret: cannot resume a stopped container: unknown",
        "cannot pause container secret: cannot pause a stopped container: unknown",
        "cannot update container secret: cannot update a deleted process: unknown",
    ],
)
def test_a_container_whose_end_the_runtime_met_is_a_conflict(said: str) -> None:
    assert isinstance(translated(Refusal(500, said)), ConflictError)


def test_a_hold_that_the_kernel_did_not_manage_may_be_asked_again() -> None:
    told = translated(Refusal(500, "cannot pause container secret: unable to freeze: unknown"))
    assert isinstance(told, UnavailableError)


def test_an_error_that_is_not_known_stays_what_it_is() -> None:
    refusal = Refusal(500, "something new")
    assert translated(refusal) is refusal
