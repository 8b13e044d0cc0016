"""What the Open Omni-Cloud standard asks of iam, alone and over a provider's service."""

from __future__ import annotations

import pytest

from omnicloud import OmniCloud
from omnicloud.contracts.iam import IAM

ALICE, GET, PUT = "user:alice", "s3:GetObject", "s3:PutObject"


def rule(effect: str, action: str = GET, resource: str = "bucket/a") -> dict[str, str]:
    return {"effect": effect, "principal": ALICE, "action": action, "resource": resource}


ALLOW, DENY = rule("allow"), rule("deny")


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "service"])
@pytest.mark.parametrize(
    ("rules", "asked", "expected"),
    [
        pytest.param([ALLOW], (ALICE, GET, "bucket/a"), True, id="allowed"),
        pytest.param([rule("Allow")], (ALICE, GET, "bucket/a"), True, id="effect in capitals"),
        pytest.param([ALLOW], (ALICE, GET, "bucket/b"), False, id="other resource"),
        pytest.param([ALLOW], (ALICE, PUT, "bucket/a"), False, id="other action"),
        pytest.param([ALLOW], ("user:bob", GET, "bucket/a"), False, id="other principal"),
        pytest.param([ALLOW], ("USER:alice", GET, "bucket/a"), False, id="other case"),
        pytest.param([], (ALICE, GET, "bucket/a"), False, id="no rules"),
        pytest.param([rule("allow", resource="*")], (ALICE, GET, None), False, id="no resource"),
        pytest.param([rule("allow", resource="*")], (ALICE, GET, ""), False, id="empty resource"),
        pytest.param([ALLOW, DENY], (ALICE, GET, "bucket/a"), False, id="deny after allow"),
        pytest.param([DENY, ALLOW], (ALICE, GET, "bucket/a"), False, id="deny before allow"),
        pytest.param(
            [rule("allow", "s3:*"), DENY], (ALICE, PUT, "bucket/a"), True, id="not denied"
        ),
        pytest.param([rule("allow", "s3:Get*")], (ALICE, GET, "bucket/a"), True, id="star"),
        pytest.param([rule("allow", "s3:Get*")], (ALICE, GET + "Acl", "bucket/a"), True, id="more"),
        pytest.param(
            [rule("allow", "s3:Get*")], (ALICE, PUT, "bucket/a"), False, id="not the star"
        ),
        pytest.param(
            [rule("allow", "s3:Get?bject")], (ALICE, GET, "bucket/a"), False, id="no glob"
        ),
    ],
)
async def test_access_is_what_the_rules_say(
    cloud: OmniCloud,
    alone: bool,
    rules: list[dict[str, str]],
    asked: tuple[str, str, str | None],
    expected: bool,
) -> None:
    iam = IAM(rules) if alone else cloud.iam("guard")
    if not alone:
        await iam.replace(rules)
    assert await iam.is_allowed(*asked) is expected
