"""By what a service's own answers are told from those of what stands before it."""

from __future__ import annotations

from omnicloud.core.http1 import Answer
from omnicloud.core.unreachable import elsewhere

__all__ = ["OF_ANY_GATEWAY", "Hallmark"]

OF_ANY_GATEWAY = frozenset({429, 500, 502, 503, 504})
"""What needs no word of the service to be understood."""


class Hallmark:
    """A header that all answers of one service have, where the first one had it.

    A gateway that has lost its service, or a page to log in, answers 200 and 404 too: without
    this what is stored would seem to be gone, and what is written nowhere to be stored. Not
    every service of a protocol sends what its first one does, so it is not asked of all.

    Args:
        header: Its name, in lower case.
    """

    def __init__(self, header: str) -> None:
        self._header = header
        self._expected = False

    def learn(self, answer: Answer) -> None:
        """Expect from now on what this answer has, which is known to be the service's."""
        self._expected = self._header in answer.headers

    def check(self, answer: Answer) -> None:
        """Raise for an answer that is another's.

        Raises:
            UnavailableError: It has not the header; whether the request was done is unknown.
        """
        if not self._expected or self._header in answer.headers:
            return
        if answer.status not in OF_ANY_GATEWAY:
            raise elsewhere("the service", answer.status)
