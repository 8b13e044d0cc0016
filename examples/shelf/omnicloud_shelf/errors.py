"""The one table from native errors to those of the library."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from omnicloud.errors import (
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
)

__all__ = ["mapped"]

_TABLE: dict[int, type[OmniCloudError]] = {
    errno.EACCES: PermissionDeniedError,
    errno.EPERM: PermissionDeniedError,
    errno.EROFS: PermissionDeniedError,
    errno.ENOSPC: ResourceExhaustedError,
    errno.EDQUOT: ResourceExhaustedError,
}


@contextmanager
def mapped(outcome: Outcome) -> Iterator[None]:
    """Turn errors of the operating system inside the block into the library's.

    ``outcome`` is what became of the request where the table does not say it.
    """
    try:
        yield
    except OSError as error:
        kind = _TABLE.get(error.errno or 0)
        if kind is not None:
            raise kind(f"the folder cannot be used: {error.strerror}") from error
        raise UnavailableError(
            f"the folder does not answer: {error.strerror}", outcome=outcome
        ) from error
