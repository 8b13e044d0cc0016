"""What each provider says to who gave it a wrong address or a wrong file, before it is used."""

import asyncio
from collections.abc import Mapping

import pytest

from omnicloud import ConfigurationError, OmniCloud, Outcome, UnavailableError
from omnicloud_tck.pretending import Said, pretending

NOBODY = "127.0.0.1:1"
S3 = {"contract": "objects", "bucket": "photos", "access_key": "a", "secret_key": "b"}
AZURE = {"contract": "objects", "account": "abc", "container": "photos", "account_key": "YWJj"}
AWS = {"contract": "secrets", "access_key": "a", "secret_key": "b"}
NETWORKED: dict[str, Mapping[str, object]] = {
    "aws": {**AWS, "endpoint": f"http://{NOBODY}"},
    "azure": {**AZURE, "endpoint": f"http://{NOBODY}/abc"},
    "barbican": {"contract": "secrets", "project": "p", "endpoint": f"http://{NOBODY}"},
    "docker": {"contract": "containers", "url": f"http://{NOBODY}"},
    "etcd": {"contract": "kv", "urls": [f"http://{NOBODY}"]},
    "gcs": {
        "contract": "objects",
        "bucket": "abc",
        "anonymous": True,
        "endpoint": f"http://{NOBODY}",
    },
    "nats": {"contract": "kv", "url": f"nats://{NOBODY}"},
    "postgres": {"contract": "kv", "url": f"postgresql://{NOBODY}/shop"},
    "rabbitmq": {"contract": "messaging", "urls": [f"amqp://{NOBODY}"]},
    "redis": {"contract": "kv", "url": f"redis://{NOBODY}/0"},
    "s3": {**S3, "endpoint": f"http://{NOBODY}"},
}
ENCRYPTED = {
    "docker": "https",
    "etcd": "https",
    "nats": "tls",
    "rabbitmq": "amqps",
    "redis": "rediss",
}


async def opened(provider: str, options: Mapping[str, object]) -> None:
    async with OmniCloud({"services": {"x": {"provider": provider, **options}}}):
        pass


@pytest.mark.parametrize("provider", NETWORKED)
async def test_an_address_where_nobody_listens_is_told_with_the_reason(provider: str) -> None:
    with pytest.raises(
        UnavailableError, match=f"{NOBODY}.* cannot be reached: .*refused"
    ) as caught:
        await opened(provider, NETWORKED[provider])
    assert caught.value.outcome is Outcome.NOT_DONE


@pytest.mark.parametrize("provider", sorted(NETWORKED))
async def test_a_file_of_authorities_that_is_not_there_is_named(provider: str) -> None:
    options = {**NETWORKED[provider], "tls_ca_file": "absent.pem"}
    for key in ("url", "urls", "endpoint"):
        if key in options:
            options[key] = encrypted(provider, options[key])
    if provider == "postgres":
        options["tls"] = "verify"
    with pytest.raises(ConfigurationError, match=r"tls_ca_file .*absent\.pem: no such file"):
        await opened(provider, options)


def encrypted(provider: str, address: object) -> object:
    if isinstance(address, list):
        return [encrypted(provider, one) for one in address]
    scheme, _, rest = str(address).partition("://")
    return f"{ENCRYPTED.get(provider, scheme)}://{rest}"


@pytest.mark.parametrize("status", [404, 501])
@pytest.mark.parametrize(
    ("provider", "options", "path"), [("s3", S3, ""), ("azure", AZURE, "/abc"), ("aws", AWS, "")]
)
async def test_a_server_of_another_kind_is_told_as_such(
    provider: str, options: Mapping[str, object], path: str, status: int
) -> None:
    async with pretending(lambda _: Said(status, {}, b"<html>nothing here</html>")) as one:
        with pytest.raises(ConfigurationError, match="endpoint"):
            await opened(provider, {**options, "endpoint": one.endpoint + path})


async def test_what_does_not_speak_redis_is_told_as_such() -> None:
    async def web(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(web, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=f"{address} does not speak Redis"):
            await opened("redis", {"contract": "kv", "url": f"redis://{address}/0"})
