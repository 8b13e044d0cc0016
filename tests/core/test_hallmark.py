"""A service's own answers are told from those of what stands before it."""

from __future__ import annotations

import pytest

from omnicloud.core.hallmark import OF_ANY_GATEWAY, Hallmark
from omnicloud.core.http1 import Answer
from omnicloud.core.unreachable import no_longer
from omnicloud.errors import ConfigurationError, Outcome, UnauthenticatedError, UnavailableError

_OURS, _OTHERS = {"x-request-id": "1"}, {"server": "gateway"}


@pytest.mark.parametrize("status", [200, 204, 302, 400, 403, 404])
def test_an_answer_without_what_the_first_one_had_is_another_s(status: int) -> None:
    mark = Hallmark("x-request-id")
    mark.learn(Answer(200, _OURS, b""))
    mark.check(Answer(status, _OURS, b""))
    with pytest.raises(UnavailableError, match=f"answered {status} is not the service") as told:
        mark.check(Answer(status, _OTHERS, b""))
    assert told.value.outcome is Outcome.UNKNOWN


def test_what_a_gateway_may_say_for_the_service_is_passed_on() -> None:
    mark = Hallmark("x-request-id")
    mark.learn(Answer(200, _OURS, b""))
    for status in OF_ANY_GATEWAY:
        mark.check(Answer(status, _OTHERS, b""))


def test_nothing_is_asked_of_a_service_whose_first_answer_had_it_not() -> None:
    mark = Hallmark("x-request-id")
    mark.check(Answer(404, _OTHERS, b""))
    mark.learn(Answer(200, _OTHERS, b""))
    mark.check(Answer(404, _OTHERS, b""))


def test_a_mistake_of_the_settings_is_an_outage_where_they_were_right_before() -> None:
    said = no_longer(ConfigurationError("the handshake failed", hint="look"))
    assert type(said) is UnavailableError
    assert (str(said), said.outcome) == ("the handshake failed; look", Outcome.NOT_DONE)
    other = UnauthenticatedError("wrong password")
    assert no_longer(other) is other
