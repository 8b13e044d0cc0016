"""objects drivers whose presigned URLs are wrong, over a right one with a small HTTP server."""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit

from broken.registry import broken
from omnicloud.contracts.objects.driver import Presign
from omnicloud.contracts.objects.models import ObjectsFeature
from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.operation import Feature
from omnicloud.memory.objects import MemoryObjects
from omnicloud.memory.store import MemoryStore
from omnicloud_tck.objects import ObjectsContract
from omnicloud_tck.world import World

_KEY = b"signing key of a test"


class Signing(MemoryObjects):
    """Right: signs method, key and end, and serves them on this machine."""

    checks_method: ClassVar[bool] = True
    checks_end: ClassVar[bool] = True
    checks_key: ClassVar[bool] = True
    address: str = ""

    @property
    def features(self) -> frozenset[Feature]:
        return super().features | {ObjectsFeature.PRESIGN}

    async def presign(self, op: Presign, /) -> str:
        await self._store.reading()
        end = str(self._store.clock.wall() + op.expires_in)
        signature = self.signed(op.method, op.key, end)
        return f"http://{self.address}/{self.path_of(op.key)}?end={end}&signature={signature}"

    def path_of(self, key: str) -> str:
        return quote(key, safe="")

    def signed(self, method: str, key: str, end: str) -> str:
        parts = (
            method if self.checks_method else "",
            key if self.checks_key else "",
            end if self.checks_end else "",
        )
        return hmac.new(_KEY, "\n".join(parts).encode(), "sha256").hexdigest()

    def allows(self, method: str, key: str, query: dict[str, list[str]]) -> bool:
        end, signature = query.get("end", ["0"])[0], query.get("signature", [""])[0]
        late = self.checks_end and float(end) < self._store.clock.wall()
        return not late and hmac.compare_digest(self.signed(method, key, end), signature)


def serving(driver: Callable[[MemoryStore, str], Any]) -> World[Any]:
    """A world in real time, whose objects are reached over HTTP too."""
    store = MemoryStore(SYSTEM_CLOCK)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(driver(store, "tck")))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()

    async def client() -> Any:
        made = driver(store, "tck")
        made.address = f"127.0.0.1:{server.server_port}"
        return made

    async def close() -> None:
        await asyncio.to_thread(server.shutdown)
        thread.join()
        server.server_close()

    return World(client, close=close)


def _handler(driver: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(lambda key: driver._rows()[key].data)

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._serve(lambda key: driver._write(key, data, "a/b", (), None).encode())

        def do_DELETE(self) -> None:
            self._serve(lambda key: driver._rows().pop(key).data)

        def _serve(self, act: Callable[[str], bytes]) -> None:
            parts = urlsplit(self.path)
            key = unquote(parts.path[1:])
            allowed = driver.allows(self.command, key, parse_qs(parts.query))
            body = act(key) if allowed else b""
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler


def presigning(id_: str, summary: str) -> Any:
    return broken(id_, "T4", summary, ObjectsContract, serving)


@presigning("XOB18", "a URL for GET also allows PUT")
class AnyMethod(Signing):
    checks_method = False


@presigning("XOB18b", "a URL never ends")
class NeverEnds(Signing):
    checks_end = False


@presigning("XOB18c", "a URL for one key serves every key")
class AnyKey(Signing):
    checks_key = False


@presigning("XOB19", "the path is not encoded")
class PathAsItIs(Signing):
    def path_of(self, key: str) -> str:
        return key.encode("ascii", "replace").decode().replace(" ", "+")


@presigning("XOB19b", "the path is encoded twice")
class PathTwice(Signing):
    def path_of(self, key: str) -> str:
        return quote(quote(key, safe=""), safe="")
