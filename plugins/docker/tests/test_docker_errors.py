"""What a starved engine says is told as a moment's trouble, and its words stay in the cause."""

from __future__ import annotations

import pytest

from omnicloud.errors import Outcome, UnavailableError
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


def test_an_error_that_is_not_known_stays_what_it_is() -> None:
    refusal = Refusal(500, "something new")
    assert translated(refusal) is refusal
