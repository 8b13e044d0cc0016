"""Tells in the log what a user's own function raised where the library catches it."""

from __future__ import annotations

import logging
import traceback

from omnicloud.errors import OmniCloudError

__all__ = ["tell_failure"]

_log = logging.getLogger("omnicloud.functions")


def tell_failure(what: str, error: Exception, then: str) -> None:
    """Log a WARNING with the type and place of an error that the library handles.

    The words of an error are told only where they are the library's own: others may quote a
    payload.
    """
    words = f" ({error.message})" if isinstance(error, OmniCloudError) else ""
    _log.warning("%s raised %s%s%s; %s", what, type(error).__name__, words, _place(error), then)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f" at {frames[0].filename}:{frames[0].lineno} in {frames[0].name}" if frames else ""
