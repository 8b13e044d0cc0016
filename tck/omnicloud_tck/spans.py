"""What is told to spans: for laws that no payload may be in a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    NonRecordingSpan,
    Status,
    StatusCode,
    use_span,
)
from opentelemetry.util.types import Attributes, AttributeValue

__all__ = ["traced"]


@contextmanager
def traced(tell: Callable[[str], object]) -> Iterator[None]:
    """Tell all that is said to the running span, or to one begun below it, inside the block.

    Without a tracing library in the process that is every span. The running one says that it
    records and has no identity, so that nothing of it travels with messages.
    """
    with use_span(_Listening(tell), record_exception=False, set_status_on_exception=False):
        yield


class _Listening(NonRecordingSpan):
    """A span that keeps nothing, and tells what it was given to keep."""

    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._tell = tell

    def is_recording(self) -> bool:
        return True

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self._tell(f"{dict(attributes)!r}")

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self._tell(f"{key!r}: {value!r}")

    def add_event(
        self, name: str, attributes: Attributes = None, timestamp: int | None = None
    ) -> None:
        self._tell(f"{name!r} {dict(attributes or {})!r}")

    def update_name(self, name: str) -> None:
        self._tell(f"{name!r}")

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        said = status.description if isinstance(status, Status) else description
        self._tell(f"{said!r}")

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        self._tell(f"{exception!r} {dict(attributes or {})!r}")
