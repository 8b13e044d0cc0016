"""What telemetry has in common: whether anybody records it, and how an error is called."""

from __future__ import annotations

from omnicloud import errors

__all__ = ["OTHER", "error_type", "records"]

OTHER = "_OTHER"
"""The name, given by the semantic conventions, of every error outside the closed set."""

_OURS = frozenset(errors.__all__)


def records(provider: object) -> bool:
    """Whether a tracer or meter provider keeps anything.

    Those that come with the OpenTelemetry API, the no-op ones and the proxies that stand in
    until an SDK is set up, do not; any other may.
    """
    module = type(provider).__module__
    return not module.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


def error_type(error: BaseException) -> str:
    """The error's class where it is one of the library's or Python's own, else ``_OTHER``."""
    kind = type(error)
    known = kind.__name__ in _OURS or kind.__module__ == "builtins"
    return kind.__name__ if known else OTHER
