"""Structured logging: one JSON object per line, and the layer that logs what went wrong."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

from opentelemetry import trace

from omnicloud.core.clock import SYSTEM_CLOCK, Clock
from omnicloud.core.context import current
from omnicloud.core.durations import Seconds, positive
from omnicloud.core.pipeline import Call, Handler
from omnicloud.errors import CorruptedError, InternalError, OmniCloudError
from omnicloud.layers.recording import error_type

__all__ = ["ContextFilter", "JsonFormatter", "LoggingLayer", "json_handler"]

_log = logging.getLogger("omnicloud.calls")
_CONTEXT = ("trace_id", "span_id", "tenant_id")
_CALL = ("operation", "service", "provider", "duration", "error_type", "outcome")


class ContextFilter(logging.Filter):
    """Stamps a record, in the task that logs it, with ``trace_id``, ``span_id``, ``tenant_id``.

    The ids are lower-case hex of 32 and 16 digits; each is ``None`` where there is none. What
    a caller gave with ``extra=`` stays. Attach it to a handler that hands records to a thread.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        span = trace.get_current_span().get_span_context()
        found = {
            "trace_id": f"{span.trace_id:032x}" if span.is_valid else None,
            "span_id": f"{span.span_id:016x}" if span.is_valid else None,
            "tenant_id": current().tenant,
        }
        for name, value in found.items():
            if getattr(record, name, None) is None:
                setattr(record, name, value)
        return True


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON with ``timestamp``, ``level``, ``message``, ``logger`` …

    ``timestamp`` is ISO 8601 in UTC with microseconds. Text keeps its script. An exception is
    told by its type and where it came from; its message only where it is the library's own,
    for others may quote a payload.
    """

    _stamp = ContextFilter()

    def format(self, record: logging.LogRecord) -> str:
        if not hasattr(record, "tenant_id"):
            self._stamp.filter(record)
        line: dict[str, object] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat("T", "microseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
        }
        line.update((name, getattr(record, name, None)) for name in _CONTEXT)
        line.update((name, getattr(record, name)) for name in _CALL if hasattr(record, name))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = _told(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def json_handler(stream: TextIO | None = None) -> logging.Handler:
    """A handler that writes JSON lines to a stream; standard error where none is given.

    Attach it where an application sets up its logging::

        logging.basicConfig(level=logging.INFO, handlers=[json_handler()])
    """
    handler = logging.StreamHandler(stream)
    handler.addFilter(ContextFilter())
    handler.setFormatter(JsonFormatter())
    return handler


def _told(error: BaseException) -> dict[str, object]:
    told: dict[str, object] = {
        "type": type(error).__name__,
        "frames": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    }
    if isinstance(error, OmniCloudError):
        told["message"] = str(error)
    if error.__cause__ is not None:
        told["cause"] = type(error.__cause__).__name__
    return told


class LoggingLayer:
    """Logs failed and slow calls to ``omnicloud.calls``, never with a name or a payload.

    A failure of the service is a WARNING, an error of the caller a DEBUG line, a slow call an
    INFO line.

    Args:
        slow: A call that takes longer is logged; a long poll's own wait is on top.
        clock: With whose monotonic seconds calls are timed.
        tenant: The one the service is bound to, if it is.
    """

    def __init__(
        self, *, slow: Seconds = 1.0, clock: Clock = SYSTEM_CLOCK, tenant: str | None = None
    ) -> None:
        self._tenant = tenant
        self._slow = positive(slow, "slow")
        self._monotonic = clock.monotonic

    async def handle(self, call: Call[Any], proceed: Handler) -> Any:
        """Pass the call on."""
        start = self._monotonic()
        try:
            answer = await proceed(call)
        except Exception as error:
            self._failed(call, error, self._monotonic() - start)
            raise
        duration = self._monotonic() - start
        if duration > self._slow and duration > self._slow + call.op.waits:
            _log.info("%s was slow", call.op.name, extra=self._facts(call, duration))
        return answer

    def _failed(self, call: Call[Any], error: Exception, duration: float) -> None:
        level = logging.WARNING if _is_failure(error) else logging.DEBUG
        if _log.isEnabledFor(level):
            kind = error_type(error)
            facts = self._facts(call, duration) | {"error_type": kind}
            if isinstance(error, OmniCloudError):
                facts["outcome"] = error.outcome.value
            _log.log(level, "%s failed: %s", call.op.name, kind, extra=facts)

    def _facts(self, call: Call[Any], duration: float) -> dict[str, object]:
        return {
            "operation": call.op.name,
            "service": call.service.name,
            "provider": call.service.provider,
            "duration": round(duration, 6),
            "tenant_id": self._tenant or call.ambient.tenant,
        }


def _is_failure(error: Exception) -> bool:
    if not isinstance(error, OmniCloudError):
        return True
    timed_out = isinstance(error, TimeoutError)
    return error.transient or timed_out or isinstance(error, InternalError | CorruptedError)
