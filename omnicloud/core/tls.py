"""Whom a driver trusts over TLS, and how it shows who it is itself."""

from __future__ import annotations

import ssl
from pathlib import Path

from omnicloud.errors import ConfigurationError

__all__ = ["trusting"]


def trusting(
    authorities: Path | None, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """What certificates and names of servers are checked against.

    Args:
        authorities: PEM file of the setting ``tls_ca_file``; ``None``: the system's.
        certificate: PEM file of ``tls_cert_file``, the client's own, where one is asked for.
        key: PEM file of ``tls_key_file``, not encrypted; ``None``: it is in ``certificate``.

    Raises:
        ConfigurationError: A file cannot be used; it is named.
    """
    try:
        context = ssl.create_default_context(cafile=authorities and str(authorities))
    except OSError as error:
        raise ConfigurationError(
            f"tls_ca_file cannot be used: {authorities}: {_why(error)}",
            hint="give a PEM file with the certificates of the authorities to trust",
        ) from error
    if certificate is not None:
        try:  # without a password OpenSSL would ask for one at the terminal
            context.load_cert_chain(certificate, key, password=lambda: "")
        except OSError as error:
            raise ConfigurationError(
                f"tls_cert_file and tls_key_file cannot be used: {certificate}"
                f" and {key or 'no key'}: {_why(error)}",
                hint="give a certificate and its key as PEM files, the key without a password",
            ) from error
    return context


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "it is no such PEM file"
    return (error.strerror or type(error).__name__).lower()
