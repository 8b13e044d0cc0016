"""botocore's loggers hear nothing of our calls: at DEBUG they tell requests and answers whole.

Only of ours: a program that debugs its own boto3 goes on seeing that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["hushed", "quieten"]

_ROOTS = ("botocore", "aiobotocore")
_ours: ContextVar[bool] = ContextVar("omnicloud_aws_call", default=False)


def _is_not_ours(_: logging.LogRecord) -> bool:
    return not _ours.get()


@contextmanager
def hushed() -> Iterator[None]:
    """What botocore logs inside the block, and in tasks started there, is dropped."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def quieten() -> None:
    """Watch all loggers of botocore that there are; a filter that is there is not added again."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in _ROOTS:
            logging.getLogger(name).addFilter(_is_not_ours)
