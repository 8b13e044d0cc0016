"""What only this provider can get wrong: its files, and policies that people write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cedarpy
import pytest

from omnicloud.contracts.iam import IAM, IAMFeature, Reason
from omnicloud.core.pipeline import Pipeline
from omnicloud.errors import (
    ConfigurationError,
    CorruptedError,
    InvalidArgumentError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
)
from omnicloud_cedar import rule_sets
from omnicloud_cedar.config import CedarConfig
from omnicloud_cedar.iam import open_iam
from omnicloud_tck.served import Lone

RULE = {"effect": "Allow", "principal": "user:alice", "action": "kv:get", "resource": "doc/1"}
ASKED = ("user:alice", "kv:get", "doc/1")
NATIVE = """
@id("staff-reads")
permit (principal in Group::"group:staff", action == Action::"kv:get", resource)
when { context.resource like "doc/*" };

@id("closed-hours")
forbid (principal, action, resource)
unless { context has at && context.at < datetime("2026-12-31T00:00:00.000Z") };

permit (principal == Principal::"user:root", action, resource);
"""


async def opened(path: Path, **options: Any) -> IAM:
    return IAM(pipeline=Pipeline(await open_iam(CedarConfig(path=path, **options), Lone())))


async def test_rules_that_are_put_are_a_file_that_cedar_itself_reads(tmp_path: Path) -> None:
    path = tmp_path / "policies.cedar"
    iam = await opened(path)
    await iam.replace([{**RULE, "id": 'a "quoted" id'}, {**RULE, "resource": "doc/*"}])
    text = path.read_text()
    assert '@id("a \\"quoted\\" id")' in text
    assert 'context.resource like "doc/*"' in text
    assert len(cedarpy.PolicySet.from_str(text)) == 2
    assert cedarpy.format_policies(text)
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_changed_file_is_seen_by_the_next_question(tmp_path: Path) -> None:
    one, two = await opened(tmp_path / "p"), await opened(tmp_path / "p")
    for allowed in (True, False) * 20:
        await one.replace([RULE] if allowed else [{**RULE, "resource": "doc/2"}])
        assert await two.is_allowed(*ASKED) is allowed


async def test_a_file_edited_by_hand_allows_nothing_until_rules_are_put(tmp_path: Path) -> None:
    path = tmp_path / "policies.cedar"
    iam = await opened(path)
    await iam.replace([RULE])
    path.write_bytes(path.read_bytes().replace(b"kv:get", b"kv:set"))
    for action in ("kv:get", "kv:set"):
        told = await iam.explain("user:alice", action, "doc/1")
        assert (told.allowed, told.reason) == (False, Reason.FAILED)
    with pytest.raises(CorruptedError, match="not as this provider wrote it"):
        await iam.policies()
    await iam.replace([RULE])
    assert await iam.is_allowed(*ASKED)


@pytest.mark.parametrize(
    "body",
    ["permit (principal, action, resource);\n", '//= {"id": "x"}\n', "//= {\n", "permit (\n"],
)
async def test_a_file_whose_digest_was_forged_allows_nothing_either(
    tmp_path: Path, body: str
) -> None:
    path = tmp_path / "policies.cedar"
    iam = await opened(path)
    await iam.replace([RULE])
    text = path.read_text().partition("\n")[2] + body
    path.write_bytes(rule_sets._head(text.encode()) + text.encode())
    assert (await iam.explain(*ASKED)).reason is Reason.FAILED
    with pytest.raises(CorruptedError):
        await iam.policies()


@pytest.mark.parametrize("content", ["", NATIVE, "permit (principal, action, resource);"])
async def test_a_file_of_someone_else_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "policies.cedar"
    iam = await opened(path)
    path.write_text(content)
    with pytest.raises(CorruptedError, match="not replaced"):
        await iam.replace([RULE])
    assert not await iam.is_allowed(*ASKED)
    assert path.read_text() == content
    with pytest.raises(ConfigurationError, match="manage = false"):
        await opened(path)


async def test_policies_that_people_wrote_decide_and_are_named(tmp_path: Path) -> None:
    path = tmp_path / "policies.cedar"
    path.write_text(NATIVE)
    iam = await opened(path, manage=False)
    assert iam.pipeline.driver.features == {IAMFeature.EXPLAIN, IAMFeature.CONDITIONS}
    told = await iam.explain(*ASKED, groups=["staff"])
    assert (told.allowed, told.reason, told.policy) == (True, Reason.ALLOWED, "staff-reads")
    assert (await iam.explain(*ASKED)).reason is Reason.NO_RULE
    assert (await iam.explain("user:root", "x", "y")).policy == "policy2"
    path.write_text(NATIVE.replace("2026-12-31", "2001-12-31"))
    told = await iam.explain("user:root", "x", "y")
    assert (told.allowed, told.reason, told.policy) == (False, Reason.DENIED, "closed-hours")
    for call in (iam.policies, lambda: iam.replace([RULE])):
        with pytest.raises(UnsupportedError):
            await call()


async def test_a_policy_that_fails_denies_though_cedar_would_skip_it(tmp_path: Path) -> None:
    path = tmp_path / "policies.cedar"
    everything = "permit (principal, action, resource);"
    failing = '@id("odd") forbid (principal, action, resource) when { context.missing == "x" };'
    path.write_text(f"{everything}\n{failing}\n")
    iam = await opened(path, manage=False)
    told = await iam.explain(*ASKED)
    assert (told.allowed, told.reason) == (False, Reason.FAILED)
    path.write_text(everything)
    assert await iam.is_allowed(*ASKED)


async def test_policies_with_a_mistake_are_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "policies.cedar"
    path.write_text("permit (principal, action, resource);\nforbid (principal, action);\n")
    with pytest.raises(ConfigurationError, match="is no Cedar"):
        await opened(path, manage=False)
    with pytest.raises(ConfigurationError, match="no policy file"):
        await opened(tmp_path / "missing", manage=False)
    path.write_text("permit (principal, action, resource);")
    iam = await opened(path, manage=False)
    assert await iam.is_allowed(*ASKED)
    path.write_text("permit (principal, action, resource);\nforbid (principal, action);\n")
    assert (await iam.explain(*ASKED)).reason is Reason.FAILED
    path.unlink()
    assert (await iam.explain(*ASKED)).reason is Reason.FAILED


async def test_a_file_that_anyone_may_write_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "policies.cedar"
    iam = await opened(path)
    await iam.replace([RULE])
    path.chmod(0o602)
    with pytest.raises(PermissionDeniedError, match="anyone may write"):
        await iam.is_allowed(*ASKED)
    path.chmod(0o640)
    await iam.replace([RULE])
    assert await iam.is_allowed(*ASKED)
    assert path.stat().st_mode & 0o777 == 0o640


async def test_a_folder_that_is_not_there_is_an_outage_not_an_empty_set(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    iam = await opened(folder / "policies.cedar")
    assert await iam.policies() == []
    await iam.replace([RULE])
    folder.rename(tmp_path / "away")
    for call in (lambda: iam.is_allowed(*ASKED), iam.policies, lambda: iam.replace([])):
        with pytest.raises(UnavailableError):
            await call()
    (tmp_path / "away").rename(folder)
    assert await iam.is_allowed(*ASKED)
    assert [each.name for each in folder.iterdir()] == ["policies.cedar"]


async def test_rules_that_cedar_cannot_hold_are_refused_and_change_nothing(tmp_path: Path) -> None:
    iam = await opened(tmp_path / "policies.cedar")
    await iam.replace([RULE])
    with pytest.raises(InvalidArgumentError, match="surrogates"):
        await iam.replace([{**RULE, "resource": "\ud800"}])
    assert await iam.is_allowed(*ASKED)


async def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "now").mkdir()
    link = tmp_path / "policies.cedar"
    link.symlink_to(tmp_path / "now" / "policies.cedar")
    iam = await opened(link)
    await iam.replace([RULE])
    assert link.is_symlink()
    assert await iam.is_allowed(*ASKED)
