"""Where no connection was made, the error says to which address, and why."""

import errno
import os
import socket

from omnicloud.core.unreachable import unreachable
from omnicloud.errors import Outcome


def test_the_address_and_the_systems_reason_are_told_and_nothing_was_done() -> None:
    error = unreachable("the server", "db:1", ConnectionRefusedError(errno.ECONNREFUSED, "secret"))
    assert error.message == "the server at db:1 cannot be reached: connection refused"
    assert error.outcome is Outcome.NOT_DONE


def test_the_reason_is_looked_for_below_errors_of_a_client() -> None:
    outer = RuntimeError("the client's words, which may quote anything")
    outer.__context__ = OSError(errno.EHOSTUNREACH, "x")
    assert unreachable("it", "a:1", outer).message.endswith(f": {os.strerror(113).lower()}")


def test_a_name_that_is_not_known_and_silence_are_told_in_words() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    assert unreachable("it", "a:1", unknown).message.endswith(": its name is not known")
    assert unreachable("it", "a:1", TimeoutError()).message.endswith(": no answer in time")


def test_what_gives_no_reason_may_be_something_else_also_in_a_circle() -> None:
    first, second = ValueError("x"), ValueError("y")
    first.__context__, second.__context__ = second, first
    said = unreachable("it", "a:1", first)
    assert said.message.endswith("cannot be reached: the connection ended before it let us in")
    assert "something else" in str(said)
