"""Secrets as users hold them."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest

from omnicloud.contracts.secrets import Secret, Secrets
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import CorruptedError, InvalidArgumentError, SecretNotFoundError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore

PLAIN = "plain-4c1d"


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(Pipeline(MemorySecrets(MemoryStore())))


def test_a_secret_equals_its_text_its_bytes_and_its_like() -> None:
    secret = Secret(PLAIN)
    assert secret == PLAIN
    assert secret == PLAIN
    assert secret == PLAIN.encode()
    assert secret == Secret(PLAIN.encode())
    assert secret != PLAIN + "\n"
    assert secret != 4
    assert secret.reveal() == PLAIN


def test_a_secret_prints_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(PLAIN, name="n")
    logging.getLogger("app").warning("%s %r %s", secret, secret, f"{secret:>30}")
    told = f"{secret} {secret!r} {secret!s} {[secret]} {caplog.text}" + f"{secret}"
    assert PLAIN not in told
    assert "***" in told


def test_a_secret_is_not_in_a_traceback_with_locals() -> None:
    secret = Secret(PLAIN)
    try:
        raise ValueError(secret)
    except ValueError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
    assert PLAIN not in "".join(told.format()).replace(f"PLAIN = '{PLAIN}'", "")


def test_a_secret_is_neither_pickled_nor_dumped_nor_hashed() -> None:
    secret = Secret(PLAIN)
    for refuse in (pickle.dumps, json.dumps, hash, len):
        with pytest.raises(TypeError) as caught:
            refuse(secret)  # type: ignore[operator]  # that is what is tried
        assert PLAIN not in str(caught.value)
    assert copy.deepcopy({"s": secret})["s"] is secret


def test_a_secret_that_is_no_text_is_revealed_as_bytes_only() -> None:
    secret = Secret(b"\xff\xfe")
    assert secret.reveal_bytes() == b"\xff\xfe"
    with pytest.raises(CorruptedError) as caught:
        secret.reveal()
    assert caught.value.__context__ is None


@pytest.mark.parametrize("value", [None, 5, ["x"], "\ud800 plain"])
async def test_a_value_that_is_none_is_refused_without_being_told(
    secrets: Secrets, value: object
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await secrets.set("k", value)  # type: ignore[arg-type]  # that is what is tried
    assert "plain" not in str(caught.value)
    assert caught.value.__context__ is None


async def test_a_secret_is_copied_from_one_store_to_another(secrets: Secrets) -> None:
    await secrets.set("a", b"\xff")
    await secrets.set("b", await secrets.get("a"))
    assert await secrets.get("b") == b"\xff"


async def test_the_error_names_the_asked_name_only(secrets: Secrets) -> None:
    await secrets.set("other", PLAIN)
    with pytest.raises(SecretNotFoundError, match="'asked'") as caught:
        await secrets.get("asked")
    assert "other" not in str(caught.value)
    assert PLAIN not in str(caught.value)


@pytest.mark.parametrize("grace", [-1, float("nan"), "soon"])
async def test_a_grace_is_a_duration(secrets: Secrets, grace: object) -> None:
    with pytest.raises(InvalidArgumentError):
        await secrets.rotate("k", "v", grace=grace)  # type: ignore[arg-type]  # tried
