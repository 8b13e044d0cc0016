"""moto, the emulator, on a port of 127.0.0.1: ``python -m omnicloud_aws.emulator PORT``.

For the compatibility kit. moto keeps all in memory without a lock, so requests that meet see half
of each other's changes, and two are lent one message; here they are answered one at a time.
A request that waits for messages is asked again and again until there are some, so that it keeps
nobody else waiting, is answered as soon as one can be had, and takes none for a client that is
gone. waitress serves it, which keeps connections open between requests as the services do; moto's
own server closes each.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from omnicloud_aws import emulator_limits, emulator_queues, emulator_requests, emulator_tables

__all__ = ["main"]

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_RECEIVE = "AmazonSQS.ReceiveMessage"
_CHANGES = ("AmazonSQS.Send", "AmazonSQS.Change")
_SNS = "/sns/aws4_request"  # which has no header of its own
_LOOK_SECONDS = 0.1  # between looks for what becomes visible by itself
_THREADS = 64  # a long poll holds one


class _OneAtATime:
    """Answers requests one at a time, except while they wait."""

    def __init__(self, application: _Application) -> None:
        self._application = application
        self._changed = threading.Condition()

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        target = str(environ.get("HTTP_X_AMZ_TARGET", ""))
        if target == _RECEIVE:
            return self._received(environ, start)
        with self._changed:
            answer = list(self._application(environ, start))
            if target.startswith(_CHANGES) or _SNS in str(environ.get("HTTP_AUTHORIZATION", "")):
                self._changed.notify_all()
            return answer

    def _received(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        until = time.monotonic() + asked.pop("WaitTimeSeconds", 0)
        body = json.dumps({**asked, "WaitTimeSeconds": 0}).encode()
        is_gone = environ.get("waitress.client_disconnected", bool)
        with self._changed:
            while not is_gone():
                answer = self._asked(environ, body)
                if not answer.is_empty or time.monotonic() >= until:
                    start(*answer.head)
                    return [answer.body]
                self._changed.wait(_LOOK_SECONDS)
        start("503 Service Unavailable", [])
        return []

    def _asked(self, environ: dict[str, Any], body: bytes) -> _Answer:
        answer = _Answer()
        given = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        answer.body = b"".join(self._application({**environ, **given}, answer.start))
        return answer


class _Answer:
    """What moto says, before anyone is told."""

    body = b""
    head: tuple[str, list[tuple[str, str]]] = ("500 Internal Server Error", [])

    def start(self, status: str, headers: list[tuple[str, str]], *_: object) -> None:
        """What WSGI calls."""
        self.head = (status, headers)

    @property
    def is_empty(self) -> bool:
        """Whether it says that there are no messages."""
        return self.head[0].startswith("200") and b'"Messages"' not in self.body


def main() -> None:
    """Answer until killed."""
    from moto import server
    from waitress import serve  # type: ignore[import-untyped]  # has none

    emulator_requests.quicken()
    emulator_tables.quicken()
    emulator_queues.quicken()
    emulator_limits.impose()
    application = _OneAtATime(
        server.DomainDispatcherApplication(server.create_backend_app)  # type: ignore[attr-defined]  # it exports nothing
    )
    port = int(sys.argv[1])
    looking = {"channel_request_lookahead": 1}  # else it does not notice that a client is gone
    serve(application, host="127.0.0.1", port=port, threads=_THREADS, **looking)


if __name__ == "__main__":
    main()
