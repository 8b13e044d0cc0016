"""Whether and when a container that ended is started again, and whether one was."""

from __future__ import annotations

from omnicloud.contracts.containers.models import Container, RestartPolicy, RestartWhen

__all__ = [
    "FIRST_SECONDS",
    "MOST_SECONDS",
    "STEADY_SECONDS",
    "backoff",
    "begun_anew",
    "restarts_after",
]

FIRST_SECONDS = 0.1
MOST_SECONDS = 60.0
STEADY_SECONDS = 10.0
"""After a run of so long the waits begin anew."""


def restarts_after(policy: RestartPolicy, exit_code: int, restarts: int) -> bool:
    """Whether a container that ended by itself, after so many restarts, is started again."""
    if policy.when is RestartWhen.ON_FAILURE:
        return exit_code != 0 and (policy.most is None or restarts < policy.most)
    return policy.when is RestartWhen.ALWAYS


def backoff(streak: int) -> float:
    """Seconds before a restart that follows so many short runs before this one."""
    return min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(streak, 20))


def begun_anew(found: Container, asked: Container) -> bool:
    """Whether a container has ended since ``asked`` was seen, and another client has started it."""
    return found.started_at != asked.started_at and found.restarts == 0
