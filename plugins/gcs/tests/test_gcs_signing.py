"""Signatures are those of Google's published examples."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from gcs_keys import EMAIL, KEY, key_file

from omnicloud.errors import ConfigurationError
from omnicloud_gcs.signing import Account, encoded, query_to_sign, string_to_sign

# Of the account that signed the examples: it follows from two of their signatures, of which it
# divides the 65537th power less the padded digest.
_MODULUS = int(
    "ac3f3322ac8a2db5f436af28d098f5a871211e1a8edfed0e3fb4c4171e55c5ce8f77006814dadf9c9448fd2f"
    "99683612d5abebe4faa9a7c83cf9434e32f23556c8c633cc634dac6456ff2698aa7aa52990b2d4eddb9a7363"
    "57b1036c2fe313564b058d14dc76921df9fa4bd343f0c5dd803d3fba54535b0ababd4f3fc3a8b9b58b14ee7d"
    "8b2e54139757d0eff7a63bd9d87021497b31d955ad0799e5ac747c16b28934b24c10610348ccfdc917d06947"
    "98094f680d81ee8aa290deb0978ba0bcda5fb7149c39fe0809e72ee2c3c304ac2152b257184116c1573e9960"
    "a5a411c261b3c046dffd7a6df6aa36eb0d943209f7d23b0e68a9527805fc712e95885fad",
    16,
)
_PUBLIC = rsa.RSAPublicNumbers(65537, _MODULUS).public_key()
_SIGNER = "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com"
_OBJECT = "https://storage.googleapis.com/test-bucket/test-object"
_FEBRUARY = datetime(2019, 2, 1, 9, tzinfo=UTC).timestamp()
_MARCH = datetime(2019, 3, 1, 9, tzinfo=UTC).timestamp()
# https://github.com/googleapis/conformance-tests, storage/v1/v4_signatures.json
_GET = (
    "95e6a13d43a1d1962e667f17397f2b80ac9bdd1669210d5e08e0135df9dff4e56113485dbe429ca2266487b9d179"
    "6ebdee2d7cf682a6ef3bb9fbb4c351686fba90d7b621cf1c4eb1fdf126460dd25fa0837dfdde0a9fd98662ce6084"
    "4c458448fb2b352c203d9969cb74efa4bdb742287744a4f2308afa4af0e0773f55e32e92973619249214b97283b2"
    "daa14195244444e33f938138d1e5f561088ce8011f4986dda33a556412594db7c12fc40e1ff3f1bedeb7a42f5bcd"
    "a0b9567f17f65855f65071fabb88ea12371877f3f77f10e1466fff6ff6973b74a933322ff0949ce357e20abe96c3"
    "dd5cfab42c9c83e740a4d32b9e11e146f0eb3404d2e975896f74"
)
_PUT = (
    "8adff1d4285739e31aa68e73767a46bc5511fde377497dbe08481bf5ceb34e29cc9a59921748d8ec3dd4085b7e9b"
    "7772a952afedfcdaecb3ae8352275b8b7c867f204e3db85076220a3127a8a9589302fc1181eae13b9b7fe41109ec"
    "8cdc93c1e8bac2d7a0cc32a109ca02d06957211326563ab3d3e678a0ba296e298b5fc5e14593c99d444c94724cc4"
    "be97015dbff1dca377b508fa0cb7169195de98d0e4ac96c42b918d28c8d92d33e1bd125ce0fb3cd7ad2c45dae65c"
    "22628378f6584971b8bf3945b26f2611eb651e9b6a8648970c1ecf386bb71327b082e7296c4e1ee2fc0bdd8983da"
    "80af375c817fb1ad491d0bc22c0f51dba0d66e2cffbc90803e47"
)
_LATER = (
    "9669ed5b10664dc594c758296580662912cf4bcc5a4ba0b6bf055bcbf6f34eed7bdad664f534962174a924741a0c"
    "273a4f67bc1847cef20192a6beab44223bd9d4fbbd749c407b79997598c30f82ddc269ff47ec09fa3afe74e00616"
    "d438df0d96a7d8ad0adacfad1dc3286f864d924fe919fb0dce45d3d975c5afe8e13af2db9cc37ba77835f92f7669"
    "b61e94c6d562196c1274529e76cfff1564cc2cad7d5387dc8e12f7a5dfd925685fe92c30b43709eee29fa2f66067"
    "472cee5423d1a3a4182fe8cea75c9329d181dc6acad7c393cd04f8bf5bc0515127d8ebd65d80c08e19ad03316053"
    "ea60033fd1b1fd85a69c576415da3bf0a3718d9ea6d03e0d66f0"
)


def _is_signed(method: str, at: float, seconds: int, signature: str) -> bool:
    query = query_to_sign(_SIGNER, at, seconds)
    text = string_to_sign(method, _OBJECT, query, at).encode()
    try:
        _PUBLIC.verify(bytes.fromhex(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(
    ("method", "at", "seconds", "signature"),
    [("GET", _FEBRUARY, 10, _GET), ("PUT", _FEBRUARY, 10, _PUT), ("GET", _MARCH, 20, _LATER)],
)
def test_what_is_signed_is_what_the_published_examples_signed(
    method: str, at: float, seconds: int, signature: str
) -> None:
    assert _is_signed(method, at, seconds, signature)
    assert not _is_signed("DELETE", at, seconds, signature)
    assert not _is_signed(method, at + 1, seconds, signature)
    assert not _is_signed(method, at, seconds + 1, signature)


def test_a_signed_url_has_the_query_of_the_examples_and_its_signature() -> None:
    url = Account.of(key_file()).presigned("GET", _OBJECT, _FEBRUARY, 10)
    assert url.startswith(
        f"{_OBJECT}?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential={EMAIL.replace('@', '%40')}"
        "%2F20190201%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20190201T090000Z"
        "&X-Goog-Expires=10&X-Goog-SignedHeaders=host&X-Goog-Signature="
    )
    query = urlsplit(url).query.partition("&X-Goog-Signature=")
    text = string_to_sign("GET", _OBJECT, query[0], _FEBRUARY).encode()
    KEY.public_key().verify(bytes.fromhex(query[2]), text, padding.PKCS1v15(), hashes.SHA256())
    assert len(parse_qs(query[0])) == 5


def test_an_assertion_names_the_account_and_what_it_asks_for() -> None:
    head, claims, signature = Account.of(key_file()).assertion(1000.0).split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (told["iss"], told["iat"], told["exp"]) == (EMAIL, 1000, 4600)
    assert told["scope"] == "https://www.googleapis.com/auth/devstorage.read_write"
    signed = f"{head}.{claims}".encode()
    raw = base64.urlsafe_b64decode(signature + "==")
    KEY.public_key().verify(raw, signed, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"private_key": "hidden"}'])
def test_what_is_no_key_is_told_and_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="service_account_key") as caught:
        Account.of(text)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_key_is_not_shown() -> None:
    assert "key=" not in repr(Account.of(key_file()))


def test_everything_but_unreserved_characters_is_encoded() -> None:
    assert encoded("a b/ü+~%", "/") == "a%20b/%C3%BC%2B~%25"
