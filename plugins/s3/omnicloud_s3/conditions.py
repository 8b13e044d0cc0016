"""Whether a service honours conditions, asked of it with writes whose conditions cannot hold.

Some heed those of ``PUT`` alone, some all but those of copies, deletions, or completions.
"""

from __future__ import annotations

import contextlib
import secrets

import anyio

from omnicloud.contracts.objects.models import PartTag
from omnicloud.contracts.objects.stored_keys import OURS
from omnicloud.errors import OmniCloudError
from omnicloud_s3.answers import completion, field_of
from omnicloud_s3.client import Answer, Client, checksum_headers
from omnicloud_s3.config import S3Config
from omnicloud_s3.signing import EMPTY_SHA256

__all__ = ["PROBE", "honours_conditions"]

PROBE = f"{OURS}probe"
"""What the keys begin with that it is tried on."""

_NO_TAG = f'"{"0" * 32}"'
_EMPTY_MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="
_ABSENT = {"if-none-match": "*"}
_HEEDED = frozenset({403, 404, 409, 412})
_MAY_NOT = 403
_NO_UPLOADS = frozenset({_MAY_NOT, 405, 501})
_LAST_SECONDS = 2.0


async def honours_conditions(client: Client, config: S3Config) -> bool:
    """Whether no write is done whose condition cannot hold.

    Tried on an empty object of this opening alone, which is deleted. Who cannot write at all
    loses nothing by the feature.
    """
    key = f"{config.prefix}{PROBE}-{secrets.token_hex(8)}"
    empty = checksum_headers(EMPTY_SHA256)
    never = await client.ask("PUT", key, headers={"if-match": _NO_TAG, **empty})
    if never.status == _MAY_NOT:
        return True
    try:
        if not _is_heeded(never):
            return False
        made = await client.ask("PUT", key, headers=empty)
        if made.status in (_MAY_NOT, 507):
            return True
        if made.status != 200:
            raise made.refused()
        staged = config.completion == "staged"  # then a copy decides
        return await _of_others(client, key) and (staged or await _of_completions(client, key))
    finally:
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            with contextlib.suppress(OmniCloudError):
                await client.ask("DELETE", key)


async def _of_others(client: Client, key: str) -> bool:
    """The same of a copy and a deletion, over an object that is there."""
    onto_itself = {
        **_ABSENT,
        "x-amz-copy-source": client.source(key),
        "x-amz-metadata-directive": "REPLACE",
    }
    if not _is_heeded(await client.ask("PUT", key, headers=onto_itself)):
        return False
    return _is_heeded(await client.ask("DELETE", key, headers={"if-match": _NO_TAG}))


async def _of_completions(client: Client, key: str) -> bool:
    """The same of an upload in parts; where none can be made nothing is lost by the feature."""
    begun = await client.ask("POST", key, {"uploads": ""})
    if begun.status in _NO_UPLOADS:
        return True
    if begun.status != 200:
        raise begun.refused()
    upload = {"uploadId": field_of(begun.body, "UploadId")}
    try:
        sent = await client.ask(
            "PUT", key, {"partNumber": "1", **upload}, {"content-md5": _EMPTY_MD5}
        )
        if sent.status != 200:
            raise sent.refused()
        whole = completion([PartTag(1, sent.etag)])
        return _is_heeded(await client.ask("POST", key, upload, _ABSENT, whole))
    finally:
        with anyio.move_on_after(_LAST_SECONDS, shield=True):
            with contextlib.suppress(OmniCloudError):
                await client.ask("DELETE", key, upload)


def _is_heeded(answer: Answer) -> bool:
    """Whether a condition that cannot hold was why nothing was done.

    Raises:
        OmniCloudError: It was something else.
    """
    if answer.status in _HEEDED or answer.code == "PreconditionFailed":
        return True
    if answer.status == 501 or (answer.status in (200, 204) and not answer.code):
        return False
    raise answer.refused()
