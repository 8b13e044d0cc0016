"""The secrets contract on AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnicloud.contracts.secrets.driver import Await, Delete, Get, List, ListVersions, Set
from omnicloud.contracts.secrets.models import (
    NamePage,
    SecretsFeature,
    SecretsLimits,
    StoredSecret,
    VersionInfo,
)
from omnicloud.core.opening import Opening
from omnicloud.core.operation import Feature
from omnicloud.errors import (
    ConfigurationError,
    OmniCloudError,
    Outcome,
    PermissionDeniedError,
    UnavailableError,
)
from omnicloud_aws import secret_values, versions
from omnicloud_aws.client import Client, client_of
from omnicloud_aws.config import AWSConfig
from omnicloud_aws.errors import RefusedError, refusal
from omnicloud_aws.names import Names
from omnicloud_aws.secret_writes import Writes

__all__ = ["FEATURES", "AWSSecrets", "in_the_way", "open_secrets"]

FEATURES: frozenset[Feature] = frozenset(SecretsFeature)

_LIMITS = SecretsLimits(value_max_bytes=secret_values.MOST_BYTES, versions_kept=10)
_MISSING, _EXISTS, _STATE = (
    "ResourceNotFoundException",
    "ResourceExistsException",
    "InvalidRequestException",
)
_ABSENT = (_MISSING, _STATE)
_PAGE = 100
_Listed = list[Mapping[str, Any]]
_TURNS = 3  # of makers and deleters that meet
_LATE_SECONDS = (0.1, 0.2, 0.4, 0.8)  # between looks for what was just written


class AWSSecrets:
    """A secrets driver over a :class:`Client` of Secrets Manager."""

    def __init__(self, client: Client, config: AWSConfig) -> None:
        self._client = client
        self._config = config
        self._names = Names(config.prefix)
        self._writes = Writes(client.time)
        self._features = FEATURES if client.at_amazon else FEATURES - {SecretsFeature.DURABLE}

    @property
    def features(self) -> frozenset[Feature]:
        return self._features

    @property
    def limits(self) -> SecretsLimits:
        return _LIMITS

    async def get(self, op: Get, /) -> StoredSecret | None:
        asked = op.version
        if asked is None or versions.could_be(asked):
            answer = await self._value(op.secret, asked)
            if answer is None:
                return None
            found = StoredSecret(secret_values.read(answer), answer["VersionId"])
            if versions.CURRENT in (answer.get("VersionStages") or ()):
                return found
            infos = await self._listed(op.secret)
            return found if any(info.version == asked for info in infos) else None
        # The service would not take it for a version: ask whether it is there at all.
        await self._described(op.secret)
        return None

    async def set(self, op: Set, /) -> str:
        version = versions.made(self._client.time.now(), op.grace)
        new = {"ClientRequestToken": version, **secret_values.kept(op.value)}
        for _ in range(_TURNS):
            if await self._put(op.secret, new) or await self._create(op.secret, new):
                self._writes.note(op.secret, version)
                return version
        raise UnavailableError(
            "the secret is made and deleted by others all the time", outcome=Outcome.NOT_DONE
        )

    async def delete(self, op: Delete, /) -> bool:
        # The service answers a delete by force alike whether there was something or not. Amazon's
        # may not tell yet of what was just made; elsewhere what it does not tell of is not there.
        described = await self._asked("describe_secret", op.secret)
        if described is None and not self._client.at_amazon:
            return False
        if described is not None and described.get("DeletedDate"):
            return False  # by others, who may want it back
        gone = await self._asked("delete_secret", op.secret, ForceDeleteWithoutRecovery=True)
        self._writes.note(op.secret, None)
        return described is not None and gone is not None

    async def list(self, op: List, /) -> NamePage:
        beginning = self._names.beginning(op.prefix)
        by = {"Filters": [{"Key": "name", "Values": [beginning]}]} if beginning else {}
        listed = await self._pages("list_secrets", "SecretList", by)
        every = {self._names.name(secret) for secret in listed}
        names = sorted(
            name
            for name in every
            if name is not None
            and name.startswith(op.prefix)
            and (op.cursor is None or name > op.cursor)
        )
        page = tuple(names[: op.limit])
        return NamePage(page, page[-1] if len(names) > len(page) else None)

    async def list_versions(self, op: ListVersions, /) -> tuple[VersionInfo, ...]:
        if await self._described(op.secret) is None:  # one marked for deletion still lists them
            return ()
        return await self._listed(op.secret)

    async def wait(self, op: Await, /) -> str | None:
        clock = self._client.time.clock
        until = clock.monotonic() + op.wait
        while True:
            described = await self._described(op.secret)
            current = None if described is None else _current(described)
            left = until - clock.monotonic()
            if current != op.known or left <= 0:
                return current
            await clock.sleep(min(left, self._config.watch_every))

    async def aclose(self) -> None:
        """Nothing is held: the client belongs to who opened it."""

    async def _value(self, name: str, version: str | None) -> Mapping[str, Any] | None:
        """A version, the current one by default; of what was just written the service may be late.

        After a second and a half it is believed: then others have written since.
        """
        answer = await self._version(name, version)
        for pause in _LATE_SECONDS:
            if not self._writes.is_late(name, version, answer):
                return answer
            await self._client.time.clock.sleep(pause)
            mine = self._writes.version(name)
            answer = None if mine is None else await self._version(name, mine)
            if answer is None or versions.CURRENT not in (answer.get("VersionStages") or ()):
                answer = await self._version(name, version)
        self._writes.forget(name)
        return answer

    async def _version(self, name: str, version: str | None) -> Mapping[str, Any] | None:
        by: dict[str, Any] = {} if version is None else {"VersionId": version}
        return await self._asked("get_secret_value", name, **by)

    async def _put(self, name: str, new: Mapping[str, Any]) -> bool:
        """Write a version of a secret; whether there is such a secret."""
        stored = self._names.stored(name)
        try:
            await self._client.ask("put_secret_value", _ABSENT, SecretId=stored, **new)
        except RefusedError as refused:
            if refused.code != _MISSING:
                raise in_the_way(refused) from None
            return False
        return True

    async def _create(self, name: str, new: Mapping[str, Any]) -> bool:
        """Make a secret with its first version; whether there was none."""
        key, note = self._config.kms_key, self._names.description(name)
        given = {"KmsKeyId": key, "Description": note}
        more: dict[str, Any] = {word: said for word, said in given.items() if said is not None}
        stored = self._names.stored(name)
        try:
            await self._client.ask("create_secret", (_EXISTS, _STATE), Name=stored, **new, **more)
        except RefusedError as refused:
            if refused.code != _EXISTS:
                raise in_the_way(refused) from None
            return False
        return True

    async def _asked(self, verb: str, name: str, **more: Any) -> Mapping[str, Any] | None:
        """The answer; ``None`` where there is no such secret or version, or no longer."""
        try:
            return await self._client.ask(verb, _ABSENT, SecretId=self._names.stored(name), **more)
        except RefusedError as refused:
            if refused.code == _MISSING or _is_being_deleted(refused):
                return None
            raise refusal(refused) from None

    async def _described(self, name: str) -> Mapping[str, Any] | None:
        described = await self._asked("describe_secret", name)
        return None if described is None or described.get("DeletedDate") else described

    async def _listed(self, name: str) -> tuple[VersionInfo, ...]:
        """The readable versions of a secret that is there."""
        by: dict[str, Any] = {"SecretId": self._names.stored(name), "IncludeDeprecated": True}
        try:
            listed = await self._pages("list_secret_version_ids", "Versions", by)
        except RefusedError:
            return ()
        return versions.readable(listed, _LIMITS.versions_kept, self._client.time.now())

    async def _pages(self, verb: str, what: str, by: Mapping[str, Any]) -> _Listed:
        """All that a listing tells, whatever the number of its pages."""
        found: _Listed = []
        more: dict[str, Any] = {}
        while True:
            answer = await self._client.ask(verb, (_MISSING,), MaxResults=_PAGE, **by, **more)
            found.extend(answer.get(what) or ())
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}


async def open_secrets(config: AWSConfig, opening: Opening) -> AWSSecrets:
    """A secrets driver in the configured account and region.

    Raises:
        ConfigurationError: What answers at the endpoint is not Secrets Manager.
    """
    client = await client_of("secretsmanager", config, opening)
    try:
        answer = await client.ask("list_secrets", MaxResults=1)
    except PermissionDeniedError:  # it knows us: whoever only reads need not be allowed to list
        return AWSSecrets(client, config)
    if "SecretList" not in answer:
        raise ConfigurationError(
            "what answers at the endpoint is not Secrets Manager", hint="check endpoint"
        )
    return AWSSecrets(client, config)


def _current(described: Mapping[str, Any]) -> str | None:
    stages: Mapping[str, list[str]] = described.get("VersionIdsToStages") or {}
    return next((id_ for id_, names in stages.items() if versions.CURRENT in names), None)


def _is_being_deleted(refused: RefusedError) -> bool:
    """Whether it refuses since the secret is on its way out; only its sentence says so."""
    return refused.code == _STATE and "delet" in refused.said


def in_the_way(refused: RefusedError) -> OmniCloudError:
    """The error of a write that the secret's state does not allow."""
    if not _is_being_deleted(refused):
        return refusal(refused)
    return UnavailableError(
        "a secret of that name is still being deleted",
        hint="try again later, or restore it where it was marked for deletion in days",
        outcome=Outcome.NOT_DONE,
    )
