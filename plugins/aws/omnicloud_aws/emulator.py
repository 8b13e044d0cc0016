"""moto, the emulator, on a port of 127.0.0.1: ``python -m omnicloud_aws.emulator PORT``.

For the compatibility kit. moto keeps its tables in memory without a lock, so requests that meet
see half of each other's transactions; here those to DynamoDB and Secrets Manager are answered
one at a time. waitress serves it, which keeps connections open between requests as the service
does; moto's own server closes each.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["main"]

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_LOCKED = ("DynamoDB", "secretsmanager")
_THREADS = 32  # a long poll holds one


def _one_at_a_time(application: _Application) -> _Application:
    lock = threading.Lock()

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if not str(environ.get("HTTP_X_AMZ_TARGET", "")).startswith(_LOCKED):
            return application(environ, start)
        with lock:
            return list(application(environ, start))

    return answer


def main() -> None:
    """Answer until killed."""
    from moto import server
    from waitress import serve  # type: ignore[import-untyped]  # has none

    application = _one_at_a_time(
        server.DomainDispatcherApplication(server.create_backend_app)  # type: ignore[attr-defined]  # it exports nothing
    )
    serve(application, host="127.0.0.1", port=int(sys.argv[1]), threads=_THREADS)


if __name__ == "__main__":
    main()
