"""Certificates for servers that a test starts with TLS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["certificate_in"]

_HOST = "localhost"


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """Write ``ca.pem``, a certificate of ``localhost`` that is its own authority, and its key.

    It is valid for a day, either way. ``key.pem`` can be read by its owner alone, as servers ask.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(_signed(key).public_bytes(serialization.Encoding.PEM))
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private


def _signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _HOST)])
    now, day = datetime.now(UTC), timedelta(days=1)
    return (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
