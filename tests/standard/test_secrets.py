"""What the Open Omni-Cloud standard asks of secrets, restated."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud, SecretNotFoundError
from omnicloud.contracts.secrets import Secrets

NAME, VALUE = "tck/secrets/my-secret", "super-secret-tck-value"


@pytest.fixture
async def secrets(cloud: OmniCloud) -> Secrets:
    vault = cloud.secrets("vault")
    await vault.set(NAME, VALUE)
    return vault


async def test_a_secret_that_is_there_is_got(secrets: Secrets) -> None:
    assert await secrets.get(NAME) == VALUE


async def test_a_secret_that_is_not_there_is_an_error(secrets: Secrets) -> None:
    with pytest.raises(SecretNotFoundError):
        await secrets.get("tck/secrets/no-such-secret")


async def test_two_reads_are_equal(secrets: Secrets) -> None:
    assert await secrets.get(NAME) == await secrets.get(NAME)
