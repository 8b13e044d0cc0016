"""Names, versions, values, errors and moments by themselves, without a service."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from botocore import exceptions as native
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from omnicloud.core.clock import SYSTEM_CLOCK
from omnicloud.core.moments import ServiceTime
from omnicloud.errors import (
    AlreadyExistsError,
    ConfigurationError,
    ConflictError,
    InternalError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    ThrottledError,
    UnauthenticatedError,
    UnavailableError,
)
from omnicloud_aws import secret_values, versions
from omnicloud_aws.client import is_amazons, opened
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.errors import RefusedError, refusal, unanswered
from omnicloud_aws.kv_table import sort_key, stand
from omnicloud_aws.names import Names
from omnicloud_aws.quiet import hushed, quieten
from omnicloud_aws.secrets import in_the_way

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400)
_LONG = st.tuples(st.text(min_size=1, max_size=5), st.integers(1, 300)).map(
    lambda drawn: drawn[0].encode(errors="ignore").decode() * drawn[1] or "x"
)
_ALLOWED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=.@-")


@settings(deadline=None)
@given(st.one_of(_TEXT, _LONG))
def test_a_name_is_one_that_the_service_takes_and_comes_back(name: str) -> None:
    names = Names("orders/")
    stored = names.stored(name)
    assert len(stored) <= 512
    assert set(stored) <= _ALLOWED
    assert len(names.description(name) or "") <= 2048 or len(name.encode()) > 1414
    assert names.name({"Name": stored, "Description": names.description(name) or ""}) == name


@given(_TEXT, st.integers(0, 20))
def test_every_name_begins_with_what_its_prefixes_begin_with(name: str, cut: int) -> None:
    names = Names("")
    assert names.stored(name).startswith(names.beginning(name[:cut]))


def test_a_name_of_the_services_own_grammar_is_kept_as_it_is() -> None:
    assert Names("").stored("db/Password_1+x@host.-") == "db/Password_1+x@host.-"


@pytest.mark.parametrize(
    "stored", ["a=zz", "a=2", "other/x", "orders/=41", "orders/", "orders/=FF"]
)
def test_a_secret_whose_name_none_of_ours_would_have_is_not_listed(stored: str) -> None:
    assert Names("orders/").name({"Name": stored}) is None


def test_a_cut_name_whose_description_was_changed_is_not_listed() -> None:
    names = Names("")
    stored = names.stored("é" * 500)
    assert names.name({"Name": stored, "Description": "by hand"}) is None
    assert names.name({"Name": stored}) is None


@given(st.binary(max_size=200))
def test_a_value_comes_back_from_what_is_kept(value: bytes) -> None:
    kept = secret_values.kept(value)
    assert next(iter(kept.values()))  # the service takes no empty one
    assert secret_values.read(kept) == value


def test_plain_text_is_kept_as_text_for_others_and_marked_values_are_told_apart() -> None:
    assert secret_values.kept("pässword\n".encode()) == {"SecretString": "pässword\n"}
    empty = secret_values.kept(b"")["SecretBinary"]
    assert isinstance(empty, bytes)
    assert secret_values.read(secret_values.kept(empty)) == empty


def _listed(*made: tuple[str, set[str]], others_at: datetime | None = None) -> Any:
    when = others_at or datetime(2026, 1, 1, tzinfo=UTC)
    return [
        {"VersionId": id_, "VersionStages": sorted(stages), "CreatedDate": when}
        for id_, stages in made
    ]


def test_versions_come_newest_first_and_no_more_than_are_kept() -> None:
    ids = [versions.made(1000.0 + number, None) for number in range(12)]
    listed = _listed(*((id_, set()) for id_ in ids[:-1]), (ids[-1], {"AWSCURRENT"}))
    found = versions.readable(listed, 10, 2000.0)
    assert [info.version for info in found] == ids[::-1][:10]
    assert [info.created for info in found][:2] == [1011.0, 1010.0]


def test_labels_say_which_two_are_first_whatever_the_clocks_of_their_writers_said() -> None:
    late, early, old = (versions.made(at, None) for at in (50.0, 10.0, 1.0))
    listed = _listed((late, {"AWSPREVIOUS"}), (early, {"AWSCURRENT"}), (old, set()))
    found = versions.readable(listed, 10, 60.0)
    assert [info.version for info in found] == [early, late, old]


def test_versions_of_other_programs_have_their_date_and_pending_ones_are_not_there() -> None:
    theirs, trying = "0c8d7a6e-6a1c-4d5c-9d3e-000000000001", "0c8d7a6e-6a1c-4d5c-9d3e-00000000002"
    ours = versions.made(datetime(2026, 1, 2, tzinfo=UTC).timestamp(), 3600.0)
    listed = _listed((theirs, {"AWSPREVIOUS"}), (ours, {"AWSCURRENT"}), (trying, {"AWSPENDING"}))
    now = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=600)
    found = versions.readable(listed, 10, now.timestamp())
    assert [info.version for info in found] == [ours, theirs]
    assert found[1].created == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert found[1].expires_in == pytest.approx(3000.0)


def test_an_id_of_a_version_has_a_length_that_the_service_takes() -> None:
    for grace in (None, 0.0, 10 * 365 * 86400.0):
        assert versions.could_be(versions.made(4e9, grace))


@given(st.binary(min_size=1, max_size=1100), st.binary(min_size=1, max_size=1100))
def test_sort_keys_stand_in_the_order_of_the_keys(one: bytes, two: bytes) -> None:
    one, two = (key.replace(b"\xff", b"\x7f") for key in (one, two))  # UTF-8 has none
    assert len(sort_key(one)) <= 1024
    if one < two:
        assert stand(sort_key(one)) <= stand(sort_key(two))
    assert (one == two) == (sort_key(one) == sort_key(two))


@pytest.mark.parametrize(
    ("code", "status", "kind", "outcome"),
    [
        ("UnrecognizedClientException", 400, UnauthenticatedError, Outcome.NOT_DONE),
        ("com.amazon.coral.service#ExpiredTokenException", 400, UnauthenticatedError, None),
        ("AccessDeniedException", 400, PermissionDeniedError, Outcome.NOT_DONE),
        ("ThrottlingException", 400, ThrottledError, Outcome.NOT_DONE),
        ("InternalServerError", 500, UnavailableError, Outcome.UNKNOWN),
        ("TransactionConflictException", 400, UnavailableError, Outcome.NOT_DONE),
        ("ResourceNotFoundException", 400, ConfigurationError, Outcome.NOT_DONE),
        ("KMS.ThrottlingException", 400, ThrottledError, Outcome.NOT_DONE),
        ("KMS.AccessDeniedException", 400, PermissionDeniedError, Outcome.NOT_DONE),
        ("KMS.DisabledException", 400, PermissionDeniedError, Outcome.NOT_DONE),
        ("KMS.NotFoundException", 400, PermissionDeniedError, Outcome.NOT_DONE),
        ("", 503, UnavailableError, Outcome.UNKNOWN),
        ("NeverHeardOf", 418, InternalError, Outcome.UNKNOWN),
    ],
)
def test_codes_are_errors_of_ours(
    code: str, status: int, kind: type[OmniCloudError], outcome: Outcome | None
) -> None:
    answer = {
        "Error": {"Code": code, "Message": "it quotes a payload"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    error = refusal(RefusedError(answer))
    assert type(error) is kind
    assert error.outcome is (outcome or Outcome.NOT_DONE)
    assert "quotes" not in str(error)


def test_a_region_that_is_not_the_endpoint_s_is_looked_for_as_well() -> None:
    said = "Credential should be scoped to a valid region, not 'us-east-1'."
    answer = {"Error": {"Code": "InvalidSignatureException", "Message": said}}
    error = refusal(RefusedError(answer))
    assert type(error) is UnauthenticatedError
    assert "region" in str(error.hint)


def test_a_secret_that_is_being_deleted_is_in_the_way_for_a_while_and_other_states_are_not() -> (
    None
):
    def refused(said: str) -> RefusedError:
        return RefusedError({"Error": {"Code": "InvalidRequestException", "Message": said}})

    while_deleted = in_the_way(
        refused("... a secret with this name is already scheduled for deletion.")
    )
    assert isinstance(while_deleted, UnavailableError)
    assert while_deleted.outcome is Outcome.NOT_DONE
    assert type(in_the_way(refused("it is managed by another service"))) is ConflictError


def test_a_connection_that_breaks_is_unknown_and_one_that_never_was_is_not_done() -> None:
    broken = native.EndpointConnectionError(endpoint_url="u", error=aiohttp.ClientOSError(104, "x"))
    assert unanswered(broken).outcome is Outcome.UNKNOWN
    slow = aiohttp.ConnectionTimeoutError("Connection timeout to host u")
    never = native.ConnectTimeoutError(endpoint_url="u", error=slow)
    assert unanswered(never).outcome is Outcome.NOT_DONE
    assert isinstance(unanswered(native.NoCredentialsError()), ConfigurationError)
    assert not isinstance(unanswered(never), AlreadyExistsError)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What a logger of botocore lets through."""
    logger, heard = logging.getLogger("botocore.endpoint"), list[str]()
    handler = logging.Handler()
    handler.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    yield heard
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_botocores_loggers_are_quiet_about_our_calls_and_only_about_those(told: list[str]) -> None:
    quieten()
    quieten()
    logger = logging.getLogger("botocore.endpoint")
    with hushed():
        logger.debug("ours")
    logger.debug("of the application")
    assert told == ["of the application"]


@pytest.mark.parametrize(
    "options",
    [
        {"access_key": "alone"},
        {"session_token": "alone"},
        {"access_key": "a", "secret_key": "b", "profile": "c"},
        {"endpoint": "ftp://host"},
        {"endpoint": "http://user:password@host"},
        {"endpoint": "http://host/path"},
        {"region": "eu west"},
        {"prefix": "a=b"},
        {"prefix": "é"},
        {"table": "ab"},
        {"table": "a b c"},
        {"partitions": 0},
        {"answer_timeout": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AWSConfig(**options)


@pytest.mark.parametrize(
    ("url", "at_amazon"),
    [
        ("https://dynamodb.us-east-1.amazonaws.com", True),
        ("https://sqs-fips.us-east-1.amazonaws.com", True),
        ("https://sns.eu-west-1.api.aws", True),
        ("https://sns.eusc-de-east-1.amazonaws.eu", True),
        ("https://sqs.cn-north-1.api.amazonwebservices.com.cn", True),
        ("https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com", True),
        ("https://dynamodb.cn-north-1.amazonaws.com.cn", True),
        ("http://127.0.0.1:4566", False),
        ("https://amazonaws.com.example.org", False),
    ],
)
def test_only_amazons_own_addresses_are_amazon(url: str, at_amazon: bool) -> None:
    assert is_amazons(url) is at_amazon


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The chain of AWS, which knows a principal and no region."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    (tmp_path / "config").write_text("[profile far]\nregion = ap-south-1\n")
    return monkeypatch


async def _region_and_place(**options: Any) -> tuple[str, bool]:
    client = await opened("sqs", AWSConfig(**options), ServiceTime(SYSTEM_CLOCK))
    try:
        return client._made.meta.region_name, client.at_amazon
    finally:
        await client.aclose()


async def test_a_region_is_the_settings_or_the_chain_s(chain: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="no region is set"):
        await _region_and_place()
    assert await _region_and_place(endpoint="http://127.0.0.1:1") == ("us-east-1", False)
    chain.setenv("AWS_PROFILE", "far")
    assert await _region_and_place() == ("ap-south-1", True)
    chain.setenv("AWS_DEFAULT_REGION", "eu-west-2")
    assert await _region_and_place() == ("eu-west-2", True)
    chain.setenv("AWS_REGION", "eu-west-3")
    assert await _region_and_place() == ("eu-west-3", True)
    assert await _region_and_place(region="eu-west-1") == ("eu-west-1", True)
    assert await _region_and_place(endpoint="http://127.0.0.1:1") == ("eu-west-3", False)


async def test_an_address_of_the_chain_is_not_amazon_either(chain: pytest.MonkeyPatch) -> None:
    chain.setenv("AWS_REGION", "eu-west-1")
    chain.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert await _region_and_place() == ("eu-west-1", True)
    chain.delenv("AWS_USE_FIPS_ENDPOINT")
    chain.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1")
    assert await _region_and_place() == ("eu-west-1", True)
    chain.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1")
    assert await _region_and_place() == ("eu-west-1", False)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDenied", UnauthenticatedError), ("Throttling", UnavailableError)],
)
async def test_a_role_that_cannot_be_taken_on_is_no_answer_of_the_service(
    chain: pytest.MonkeyPatch, code: str, kind: type[OmniCloudError]
) -> None:
    said = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}

    async def refused(**_: Any) -> None:
        raise native.ClientError(said, "AssumeRole")

    config = AWSConfig(region="eu-west-1")
    client = await opened("dynamodb", config, ServiceTime(SYSTEM_CLOCK))
    chain.setattr(client._made, "get_item", refused, raising=False)
    with pytest.raises(kind) as told:
        await client.ask("get_item")
    assert told.value.outcome is Outcome.NOT_DONE
    await client.aclose()


@pytest.mark.parametrize(
    "error",
    [
        native.UnauthorizedSSOTokenError(),
        native.SSOTokenLoadError(error_msg="it quotes a path"),
        native.RefreshWithMFAUnsupportedError(),
        native.LoginRefreshRequired(),
    ],
)
def test_a_login_that_has_ended_wants_a_person(error: Exception) -> None:
    told = unanswered(error)
    assert type(told) is UnauthenticatedError
    assert told.outcome is Outcome.NOT_DONE
    assert told.hint == "log in again"
    assert "quotes" not in str(told)


@pytest.mark.parametrize(
    "said", ["Signature expired: 20260101T000000Z is now earlier than", "Signature not yet current"]
)
@pytest.mark.parametrize("code", ["InvalidSignatureException", "SignatureDoesNotMatch"])
def test_a_signature_of_another_time_is_a_matter_of_clocks(code: str, said: str) -> None:
    error = refusal(RefusedError({"Error": {"Code": code, "Message": said}}))
    assert type(error) is UnauthenticatedError
    assert "clock" in str(error.hint)
