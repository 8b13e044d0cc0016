"""The law of iam about rules whose time is over, or has not come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from omnicloud.contracts.iam import IAMFeature
from omnicloud_tck.check import equal
from omnicloud_tck.iam.rules import ALICE, READ, IAMLaws, asked, replaces, rule
from omnicloud_tck.law import law
from omnicloud_tck.world import World

__all__ = ["MomentRules"]

_AGES = 1e9  # seconds that may pass where time is virtual
_YEAR = timedelta(days=365)
_FIRST = datetime.fromtimestamp(0, UTC)
_TURNS = {  # around what some counter of seconds or milliseconds cannot count
    f"around {year}": (datetime(year - 1, 6, 1, tzinfo=UTC), datetime(year + 1, 6, 1, tzinfo=UTC))
    for year in (2038, 2106, 2262, 4001, 9001)
}
_RESTS = (0.0, 40.0, 7200.0, 3 * 86_400.0)


class MomentRules(IAMLaws):
    """A rule is what it is at every hour; its time is a matter of the moment asked about."""

    @law(
        "IAM-083",
        "A rule whose time is over, or has not come, stays a rule: it is told, and decides about "
        "its own time.",
        needs=[IAMFeature.CONDITIONS],
        patience=_AGES,
    )
    async def rules_outlive_their_time(self, world: World[Any]) -> None:
        now = datetime.fromtimestamp(world.clock.wall(), UTC)
        soon = timedelta(seconds=30)
        windows = {
            "over": (now - 2 * _YEAR, now - _YEAR),
            "over soon": (now - _YEAR, now + soon),
            "begun soon": (now + soon, now + _YEAR),
            "to come": (now + _YEAR, now + 2 * _YEAR),
            **_TURNS,
        }
        rules = [
            rule("Allow", resource=name, id=name, condition={"not_before": begin, "not_after": end})
            for name, (begin, end) in windows.items()
        ]
        rules += [
            rule("Deny", resource=f"but {name}", id=f"but {name}", condition={"not_after": end})
            for name, (_, end) in windows.items()
        ]
        long_over = {"not_after": _FIRST}
        rules.append(rule("Deny", resource="but over since 1970", condition=long_over))
        rules.append(rule("Allow", resource="but *", id="but"))
        iam = await self.portable(world, rules)
        told = await iam.policies() if replaces(iam) else None
        for rest in _RESTS if world.virtual else _RESTS[:1]:
            await world.sleep(rest)
            if told is not None:
                equal(told, await iam.policies(), f"the rules in force {rest:g} s later")
            await asked(iam, {(ALICE, READ, "but over since 1970"): True}, at=now)
            for name, (begin, end) in windows.items():
                for at in (begin, end - soon / 2, end, begin - soon / 2):
                    within = begin <= at < end
                    cases = {
                        (ALICE, READ, name): within,
                        (ALICE, READ, f"but {name}"): at >= end,
                    }
                    await asked(iam, cases, at=at)
