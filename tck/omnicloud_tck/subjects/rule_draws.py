"""Random rules, and questions that are much like what the rules speak of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from omnicloud_tck.programs.chances import Chance
from omnicloud_tck.programs.spelling import any_name

__all__ = ["mistake", "place", "questions", "rules"]

_WORDS: tuple[tuple[str, ...], ...] = (
    ("alice", "Alice", "alic", "alicea", "ALICE"),
    ("a/b", "a/../b", "a//b", "a", "a/"),
    ("é", "e\u0301", "É", "e", "eé"),
    ("a.b", "axb", "a", ".b", "a."),
    ("a b", "a", " a", "a ", "b"),
    ("a?", "ab", "a[b]", "a", "?"),
    ("a\n", "a", "\na", "a\nb", "a\0"),
    ("a%", "a_", "ab", "%", "a\\"),
    ("fi", "\ufb01", "Fi", "\uff46i", "f"),
    ("aa", "aba", "abab", "ababa", "b"),
    ("staff", "group:staff", "user:staff", "staff2", "GROUP:staff"),
    ("x" * 300, "x" * 299, "x" * 301, "x", "xx"),
    ("1", "01", "1.0", "true", "None"),
)
_NOON = datetime(2026, 1, 31, 12, 0, 30, tzinfo=UTC)
_MOMENTS = tuple(
    _NOON + timedelta(seconds=seconds)
    for seconds in (-86_400, -3600, -60, -0.5, 0, 0.25, 0.75, 1, 60, 5400, 86_400)
)
_FAR = (  # where a counter of seconds, or of milliseconds, turns over
    *(datetime.fromtimestamp(seconds, UTC) for seconds in (0, 2**31 - 1, 2**31, 2**32)),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2099, 12, 31, tzinfo=UTC),
    datetime(9000, 1, 1, tzinfo=UTC),
)
_SPECIAL = "\\?[]%_{}()^$|+.,;:'\"#!&~/ \n\t"  # to some language of patterns, or to a list
_FIRST = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)  # that can be asked about: 0 says no moment
_ZONE = timezone(timedelta(hours=-5, minutes=-30))
_CIRCUMSTANCES = ("tenant", "region", "tags", "not_before", "not_after")
_PARTS = ("principal", "action", "resource")
_MANY = (12, 40, 120)
_CROWDED, _MANY_FACTS = 0.05, 0.25  # shares of the lists, of rules and of questions, that are long
_LAST, _MEMBERS = 0.3, 0.8  # shares of what is asked that meet a list's end, or a group's rule
_GROUP = "group:"
_LONGEST = 1000  # bytes of a text: every provider takes names of 1,024
_TAGS = ("stage", "team", "Stage", "")
_WRONG: tuple[dict[str, Any], ...] = (
    {"effect": "Permit", "principal": "*", "action": "*", "resource": "*"},
    {"effect": "Allow", "principal": "*", "action": "*"},
    {"effect": "Allow", "principal": [], "action": "*", "resource": "*"},
    {"effect": "Allow", "principal": "*", "action": "*", "resource": "*", "when": "now"},
    {"effect": "Allow", "principal": "*", "action": [5], "resource": "*"},
    {
        "effect": "Allow",
        "principal": "*",
        "action": "*",
        "resource": "*",
        "condition": {"not_before": "2026-01-31T12:00:00"},
    },
)


def _texts(chance: Chance) -> list[str]:
    """The few texts of a list, much alike, and among them two of principals."""
    found: list[str] | None = chance.kept.get("texts")
    if found is None:
        words = [word for some in chance.sample(_WORDS, 2) for word in chance.sample(some, 3)]
        found = chance.kept["texts"] = [*words, f"user:{words[0]}", f"group:{words[1]}"]
        found += [any_name(chance) for _ in range(2)]
    return found


def _text(chance: Chance) -> str:
    return chance.choice(_texts(chance))


def _pattern(chance: Chance) -> str:
    """A text, or one with stars in the place of parts of it."""
    text = _text(chance)
    match chance.randrange(9):
        case 8:
            signs = [chance.choice(("", "", *_SPECIAL)) for _ in range(2)]
            return f"{text[: chance.choice((0, 2, 300))]}{signs[0]}*{signs[1]}"
        case 0:
            return "*"
        case 1:
            return f"{text[: chance.randint(0, len(text))]}*"
        case 2:
            return f"*{text[chance.randint(0, len(text)) :]}"
        case 3:
            at = chance.randint(0, len(text))
            return f"{text[:at]}*{text[chance.randint(at, len(text)) :]}"
        case 4 if chance.random() < 0.3:
            return "group:*"
        case 4:
            return f"*{_text(chance)[:2]}*{text[-1:]}*"
    return text


def _patterns(chance: Chance) -> Any:
    """One pattern, or several in a list."""
    if chance.random() < 0.6:
        return _pattern(chance)
    some = [_pattern(chance) for _ in range(chance.randint(1, 4))]
    some[:0] = _others(chance, _CROWDED)
    return tuple(some) if chance.random() < 0.2 else some


def _others(chance: Chance, share: float) -> list[str]:
    """Mostly none; else many that nobody asks about, so that what counts comes late."""
    count = chance.choice(_MANY) if chance.random() < share else 0
    return [f"other-{number}" for number in range(count)]


def _wide(chance: Chance) -> Any:
    return "*" if chance.random() < 0.4 else _patterns(chance)


def _condition(chance: Chance) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in chance.sample(_CIRCUMSTANCES, chance.choice((1, 2, 2, 3))):
        if name == "tags":
            tags = chance.sample(_TAGS, chance.choice((1, 1, 2)))
            made[name] = {tag: _patterns(chance) for tag in tags}
        elif name in ("tenant", "region"):
            made[name] = _patterns(chance)
        else:
            moment = chance.choice(_MOMENTS if chance.random() < 0.8 else _FAR)
            moment = moment.astimezone(_ZONE) if chance.random() < 0.3 else moment
            made[name] = moment.isoformat() if chance.random() < 0.5 else moment
    return made


def _rule(chance: Chance, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "effect": chance.choice(("Allow", "Allow", "allow", "Deny", "DENY")),
        "principal": _wide(chance),
        "action": _wide(chance),
        "resource": _patterns(chance),
    }
    if chance.random() < 0.6:
        made["id"] = f"{_text(chance)}-{number}"
    if chance.random() < 0.4:
        made["condition"] = _condition(chance)
        made.update(dict.fromkeys(chance.sample(_PARTS, chance.randint(0, 3)), "*"))
    return made


def rules(chance: Chance) -> list[dict[str, Any]]:
    """Mostly few rules, sometimes none, sometimes more than a hundred."""
    count = chance.choice((0, 1, 1, 2, 2, 3, 4, 6, 8))
    made = [_rule(chance, number) for number in range(count)]
    if chance.random() < 0.03:
        made = [*(_filler(number) for number in range(130)), *made]
    chance.kept.setdefault("sets", []).append(made)
    return made


def _filler(number: int) -> dict[str, Any]:
    return {
        "effect": "Allow" if number % 2 else "Deny",
        "principal": "nobody",
        "action": f"filler:{number}",
        "resource": "*",
    }


def mistake(chance: Chance) -> dict[str, Any]:
    """A rule that is none."""
    return chance.choice(_WRONG)


def place(chance: Chance) -> int:
    """Where it stands."""
    return chance.randrange(3)


def questions(chance: Chance) -> list[tuple[Any, ...]]:
    """Eight questions, most of them about what a rule speaks of."""
    return [_question(chance) for _ in range(8)]


def _question(chance: Chance) -> tuple[Any, ...]:
    facts = _facts(chance)
    spoken = [rule for some in chance.kept.get("sets", [])[-2:] for rule in some[-9:]]
    if not spoken or chance.random() < 0.2:
        return (*(_like(chance) for _ in _PARTS), facts)
    rule = chance.choice(spoken)
    parts = [_filled(chance, rule[part]) for part in _PARTS]
    if chance.random() < 0.3:
        parts[chance.randrange(3)] = _like(chance)
    if parts[0].startswith(_GROUP) and chance.random() < _MEMBERS:
        bare = parts[0][len(_GROUP) :] if chance.random() < _LAST else ""
        facts["groups"].append(bare or parts[0])
        parts[0] = _like(chance)
    if chance.random() < 0.8:
        facts.update(_met(chance, rule.get("condition", {})))
    return (*parts, facts)


def _met(chance: Chance, condition: dict[str, Any]) -> dict[str, Any]:
    """Facts that a condition asks for, or nearly: the last of them may be another."""
    met: dict[str, Any] = {
        name: _filled(chance, condition[name]) for name in ("tenant", "region") if name in condition
    }
    if "tags" in condition:
        tags = {tag: _filled(chance, given) for tag, given in condition["tags"].items()}
        met["tags"] = {**tags, **({_text(chance): "x"} if chance.random() < 0.2 else {})}
    bounds = [condition[name] for name in ("not_before", "not_after") if name in condition]
    if bounds:
        bound = chance.choice(bounds)
        moment = datetime.fromisoformat(bound) if isinstance(bound, str) else bound
        asked = moment + timedelta(seconds=chance.choice((-60, -1, -0.25, 0, 0.25, 1, 60)))
        met["at"] = max(asked, _FIRST)
    if met and chance.random() < 0.3:
        met.pop(chance.choice(sorted(met)))
    return met


def _filled(chance: Chance, patterns: Any) -> str:
    """A text that one of the patterns matches; never empty."""
    some = [patterns] if isinstance(patterns, str) else [*patterns]
    pattern = some[-1] if chance.random() < _LAST else chance.choice(some)
    filled = pattern.replace("*", chance.choice(("", "x", _text(chance), "\n", "/")))
    if len(filled.encode()) > _LONGEST:  # a long text in the place of several stars
        filled = pattern.replace("*", "")
    return filled or "x"


def _like(chance: Chance) -> str:
    """One of the texts, or two of them together; never empty."""
    text = _text(chance)
    return text + _text(chance)[:2] if chance.random() < 0.2 else text or "x"


def _facts(chance: Chance) -> dict[str, Any]:
    """Some are left out, which is not the same as empty."""
    tags = chance.sample(_TAGS, chance.randint(0, 3))
    return {
        "groups": [
            *_others(chance, _MANY_FACTS),
            *(_text(chance) for _ in range(chance.choice((0, 0, 1, 2)))),
        ],
        "tenant": chance.choice((None, _text(chance))),
        "region": chance.choice((None, _text(chance))),
        "tags": {
            **dict.fromkeys(_others(chance, _MANY_FACTS), "x"),
            **{tag: _text(chance) for tag in tags},
        },
        "at": max(chance.choice(_MOMENTS if chance.random() < 0.8 else _FAR), _FIRST),
    }
