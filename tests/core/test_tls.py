"""Files of TLS that cannot be used are named, before anything is sent."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from omnicloud.core.tls import trusting
from omnicloud.errors import ConfigurationError
from omnicloud_tck.tls import certificate_in


def test_an_authority_and_a_certificate_with_its_key_are_taken(tmp_path: Path) -> None:
    public, private = certificate_in(tmp_path)
    assert trusting(public, public, private).cert_store_stats()["x509"] == 1
    assert trusting(None).check_hostname


def test_a_file_of_authorities_that_is_absent_or_none_is_named_with_the_reason(
    tmp_path: Path,
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=r"tls_ca_file .*absent\.pem: no such file"):
        trusting(tmp_path / "absent.pem")
    with pytest.raises(ConfigurationError, match=r"tls_ca_file .*notes\.txt: .*PEM"):
        trusting(text)


def test_a_certificate_without_its_key_is_named(tmp_path: Path) -> None:
    public, _ = certificate_in(tmp_path)
    with pytest.raises(ConfigurationError, match=r"tls_key_file .*ca\.pem and no key"):
        trusting(None, public)


def test_an_encrypted_key_is_refused_and_no_password_is_asked_for(tmp_path: Path) -> None:
    public, private = certificate_in(tmp_path)
    private.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigurationError, match="without a password"):
        trusting(None, public, private)
