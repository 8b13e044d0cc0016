"""A real server for one test, and the ways to open drivers on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omnicloud_nats.certify import nats_server
from omnicloud_nats.config import NatsConfig
from omnicloud_tck.proxy import Proxy
from omnicloud_tck.served import Lone
from omnicloud_tck.servers import ServerProcess

D = TypeVar("D")


class Bench:
    """A server, the proxy before it, and clients of it."""

    def __init__(self, server: ServerProcess, proxy: Proxy, lone: Lone) -> None:
        self.server = server
        self.proxy = proxy
        self.lone = lone

    def config(self, **options: Any) -> NatsConfig:
        """Settings of a client that reaches the server through the proxy."""
        url = f"nats://127.0.0.1:{self.proxy.port}"
        return NatsConfig(
            **{"url": url, "answer_timeout": 10.0, "connect_timeout": 10.0, **options}
        )

    async def open(self, opener: Callable[[NatsConfig, Any], Awaitable[D]], **options: Any) -> D:
        """One more driver."""
        return await opener(self.config(**options), self.lone)


@asynccontextmanager
async def bench(**settings: str) -> AsyncIterator[Bench]:
    """A server started with these settings."""
    server, lone = nats_server(**settings), Lone()
    try:
        await server.start()
        async with Proxy(server.port) as proxy:
            yield Bench(server, proxy, lone)
            await lone.aclose()
    finally:
        await lone.aclose()
        server.remove()


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """A certificate of ``localhost``, its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "ca.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private
