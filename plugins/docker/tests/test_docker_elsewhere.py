"""What a client makes of the answers of something that is no engine."""

from __future__ import annotations

import pytest

from omnicloud.contracts.containers import ContainerSpec
from omnicloud.contracts.containers.driver import Find, Run
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    UnavailableError,
)
from omnicloud_docker.config import DockerConfig
from omnicloud_docker.containers import open_containers
from omnicloud_tck.pretending import Asked, Said, pretending
from omnicloud_tck.served import Lone

_PAGE = b"<html><body>Please log in</body></html>"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (Said(200, {}, _PAGE), UnavailableError),
        (Said(200, {}, b"{}"), ConfigurationError),
        (Said(200, {}, b"[1]"), ConfigurationError),
        (Said(200, {}, b'{"Version": "1", "ApiVersion": "new"}'), ConfigurationError),
        (Said(400, {}, _PAGE), ConfigurationError),
        (Said(404, {}, _PAGE), ConfigurationError),
        (Said(418, {}, _PAGE), ConfigurationError),
        (Said(503, {}, _PAGE), UnavailableError),
    ],
)
async def test_what_is_no_engine_is_told_at_the_opening(
    said: Said, kind: type[OmniCloudError]
) -> None:
    async with pretending(lambda _: said) as one:
        with pytest.raises(kind):
            await open_containers(DockerConfig(url=one.endpoint), Lone())


async def test_an_engine_without_tls_is_a_mistake_of_the_settings() -> None:
    async with pretending(lambda _: Said(400)) as one:
        url = one.endpoint.replace("http:", "https:")
        with pytest.raises(ConfigurationError, match="TLS"):
            await open_containers(DockerConfig(url=url), Lone())


async def test_what_lets_only_questions_through_to_the_engine_denies_changes() -> None:
    version = b'{"Version": "20.10", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}'

    def read_only(asked: Asked) -> Said:
        if asked.method != "GET":  # as a proxy before the engine's socket answers
            return Said(403, {}, b"<html><body><h1>403 Forbidden</h1></body></html>")
        if asked.path.endswith("/version"):
            return Said(200, {}, version)
        return Said(200, {}, b"[]" if "/json?" in asked.path else b"{}")

    async with pretending(read_only) as one:
        containers = await open_containers(DockerConfig(url=one.endpoint), Lone())
        with pytest.raises(PermissionDeniedError) as told:
            await containers.run(Run(ContainerSpec(name="c", command=("true",), image="i")))
        assert told.value.outcome is Outcome.NOT_DONE
        assert await containers.find(Find()) == ()
        await containers.aclose()
