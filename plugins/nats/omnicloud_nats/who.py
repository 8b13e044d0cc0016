"""Who a connection says it is, and whom it trusts."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from omnicloud.core.tls import trusting
from omnicloud.errors import ConfigurationError
from omnicloud_nats.config import NatsConfig
from omnicloud_nats.wire import Credentials

__all__ = ["credentials_of", "trust_of"]

_BLOCK = re.compile(r"-----BEGIN [A-Z ]+-----\s*(\S+)\s*------END [A-Z ]+------")


def credentials_of(config: NatsConfig) -> Credentials:
    """What to say at each connection.

    Raises:
        ConfigurationError: The file of credentials cannot be used.
    """
    if config.credentials_file is not None:
        return _signed(config.credentials_file)
    if config.token is not None:
        said = {"auth_token": config.token.get_secret_value()}
    elif config.username is not None:
        password = config.password.get_secret_value() if config.password else ""
        said = {"user": config.username, "pass": password}
    else:
        said = {}
    return Credentials(lambda _: said)


def trust_of(config: NatsConfig) -> ssl.SSLContext:
    """What to check a server's certificate against.

    Raises:
        ConfigurationError: A file cannot be used.
    """
    return trusting(config.tls_ca_file, config.tls_cert_file, config.tls_key_file)


def _signed(file: Path) -> Credentials:
    try:
        import nkeys  # type: ignore[import-untyped]  # it has no types
    except ImportError as error:
        raise ConfigurationError(
            "credentials_file needs the package nkeys", hint='pip install "omnicloud-nats[creds]"'
        ) from error
    try:
        found = _BLOCK.findall(file.read_text())
        jwt, seed = found[0], found[1]
        pair = nkeys.from_seed(seed.encode())
    except (OSError, ValueError, IndexError, nkeys.NkeysError) as error:
        # The cause is left out: it may quote the file.
        raise ConfigurationError(
            "credentials_file is not readable as credentials of NATS",
            hint="it holds a JWT and an nkey's seed, each in its block",
        ) from (error if isinstance(error, OSError) else None)

    def sign(nonce: str) -> Mapping[str, str]:
        signature = base64.urlsafe_b64encode(pair.sign(nonce.encode())).rstrip(b"=")
        return {"jwt": jwt, "sig": signature.decode()}

    return Credentials(sign)
