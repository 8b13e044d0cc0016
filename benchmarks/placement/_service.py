"""The program in the containers of B6: a small HTTP server, a few milliseconds of work a request.

It needs nothing but the standard library, of which the image holds what it imports. One request
at a time, as a worker of many real services does; those whose client has gone are dropped.
"""

import hashlib
import os
import select
import socket
import time

_BLOCK = bytes(16 << 10)
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
_PATIENCE = 5.0


def serve(port: int, work_seconds: float) -> None:
    """Answer requests on a port for good."""
    with socket.create_server(("127.0.0.1", port), backlog=4096) as server:
        print("ready", flush=True)
        while True:
            client, _ = server.accept()
            with client:
                client.settimeout(_PATIENCE)
                try:
                    answer(client, work_seconds)
                except OSError:
                    continue


def answer(client: socket.socket, work_seconds: float) -> None:
    """Read one request, work for it, and answer."""
    began = time.process_time()
    request = b""
    while b"\r\n\r\n" not in request:
        part = client.recv(4096)
        if not part:
            return
        request += part
    watched = select.poll()
    watched.register(client, select.POLLRDHUP)
    if watched.poll(0):
        return
    digest = hashlib.sha256()
    while time.process_time() - began < work_seconds:
        digest.update(_BLOCK)
    client.sendall(_ANSWER)


if __name__ == "__main__":
    serve(int(os.environ["PORT"]), float(os.environ["WORK_SECONDS"]))
