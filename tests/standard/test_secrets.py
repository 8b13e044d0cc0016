"""What the Open Omni-Cloud standard asks of secrets."""

from __future__ import annotations

import pytest

from omnicloud.contracts.secrets import Secrets
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import SecretNotFoundError
from omnicloud.memory.secrets import MemorySecrets
from omnicloud.memory.store import MemoryStore

NAME, VALUE = "tck/secrets/my-secret", "super-secret-tck-value"


@pytest.fixture
async def secrets() -> Secrets:
    provider = Secrets(Pipeline(MemorySecrets(MemoryStore())))
    await provider.set(NAME, VALUE)
    return provider


async def test_a_secret_that_is_there_is_got(secrets: Secrets) -> None:
    retrieved = await secrets.get(NAME)
    assert retrieved == VALUE


async def test_a_secret_that_is_not_there_is_an_error(secrets: Secrets) -> None:
    with pytest.raises(SecretNotFoundError):
        await secrets.get("tck/secrets/no-such-secret")


async def test_two_reads_are_equal(secrets: Secrets) -> None:
    assert await secrets.get(NAME) == await secrets.get(NAME)
