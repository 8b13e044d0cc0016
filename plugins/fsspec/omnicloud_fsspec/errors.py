"""The errors of the library as those that users of files expect."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from omnicloud.errors import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    OmniCloudError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
)

__all__ = ["translated"]


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise errors inside the block as kinds of ``OSError``, with the original as the cause.

    A wrong argument stays the ``ValueError`` it is, a spent deadline the ``TimeoutError``.
    """
    try:
        yield
    except NotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, str(error), path) from error
    except AlreadyExistsError as error:
        raise FileExistsError(errno.EEXIST, str(error), path) from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise PermissionError(errno.EACCES, str(error), path) from error
    except ConflictError as error:
        raise OSError(errno.ESTALE, str(error), path) from error
    except UnavailableError as error:
        raise ConnectionError(errno.EHOSTUNREACH, str(error), path) from error
    except OmniCloudError as error:
        if isinstance(error, ValueError | TimeoutError):
            raise
        raise OSError(errno.EIO, str(error), path) from error
