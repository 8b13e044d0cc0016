"""A service account that no one knows, made for each run of the tests."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

EMAIL = "tests@example.iam.gserviceaccount.com"
KEY = rsa.generate_private_key(65537, 2048)


def key_file(token_uri: str = "https://oauth2.googleapis.com/token") -> str:
    """The account's key as Google would hand it out."""
    pem = KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    told = {"client_email": EMAIL, "private_key_id": "id", "private_key": pem.decode()}
    return json.dumps({"type": "service_account", "token_uri": token_uri, **told})
