"""A private server of one test, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud_etcd.certify import etcd_server
from omnicloud_etcd.client import Client
from omnicloud_etcd.config import EtcdConfig


@asynccontextmanager
async def server(*arguments: str, port: int = 0) -> AsyncIterator[int]:
    """The port of a server of its own; which one it is to be, if that matters."""
    one = etcd_server(*arguments)
    one.port = port
    try:
        await one.start()
        yield one.port
    finally:
        one.end()


@asynccontextmanager
async def client(port: int, **options: Any) -> AsyncIterator[Client]:
    """A client of the server at that port."""
    settings = {"urls": (f"http://127.0.0.1:{port}",), "answer_timeout": 3.0, **options}
    one = Client(EtcdConfig(**settings), SYSTEM_CLOCK)
    try:
        yield one
    finally:
        await one.aclose()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for ``localhost`` that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "ca.pem", folder / "key.pem"
