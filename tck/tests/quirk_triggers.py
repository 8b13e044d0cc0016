"""When a driver is odd: what a call, its caller and what came before it may have about them."""

from __future__ import annotations

import asyncio
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

__all__ = ["TRIGGERS", "Seen", "Server", "Trigger", "given", "met"]


@dataclass(slots=True)
class Server:
    """What a store was asked so far, whoever asked.

    Attributes:
        keeps: The store itself, so that no other one gets its number.
    """

    keeps: object
    began: float
    calls: int = 0
    last: dict[str, tuple[str, float, int]] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    asked: Counter[object] = field(default_factory=Counter)
    clients: dict[int, int] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    busy: Counter[str] = field(default_factory=Counter)
    writes: list[tuple[Any, str, Any]] = field(default_factory=list)
    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    driver_keeps: list[object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """A call that begins."""

    driver: Any
    method: str
    op: Any
    server: Server
    now: float
    texts: tuple[str, ...]
    payloads: tuple[bytes, ...]
    numbers: tuple[float, ...]
    sizes: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it is about; of several names the first."""
        return self.names[0]

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is about."""
        found: tuple[str, ...] = self.op.resources
        return found or ("",)

    @property
    def client(self) -> int:
        return self.server.clients[id(self.driver)]

    @property
    def before(self) -> tuple[str, float, int]:
        """The last call about the same name: its method, its time, its client."""
        return self.server.last.get(self.name, ("", self.now, self.client))


Trigger = Callable[[Seen], bool]

_SERVERS: dict[int, Server] = {}


def met(driver: Any, method: str, op: Any) -> Seen:
    """Look at a call before it is answered."""
    store = getattr(driver, "_store", driver)
    now = asyncio.get_running_loop().time()
    server = _SERVERS.get(id(store))
    if server is None:
        server = _SERVERS[id(store)] = Server(store, now)
    if id(driver) not in server.clients:
        server.clients[id(driver)] = len(server.clients) + 1
        server.driver_keeps.append(driver)
    parts = tuple(_parts(op, 6))
    return Seen(
        driver,
        method,
        op,
        server,
        now,
        tuple(one for one in parts if isinstance(one, str)),
        tuple(bytes(one) for one in parts if isinstance(one, bytes | bytearray | memoryview)),
        tuple(one for one in parts if isinstance(one, int | float) and not isinstance(one, bool)),
        tuple(len(one) for one in parts if isinstance(one, tuple | list | frozenset | Mapping)),
    )


def _parts(value: Any, depth: int) -> Iterator[Any]:
    """The values that a request is made of, and its lists."""
    if depth == 0 or isinstance(value, Enum):
        return
    if is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _parts(getattr(value, one.name), depth - 1)
    elif isinstance(value, Mapping):
        yield value
        for key, inner in value.items():
            yield from _parts(key, depth - 1)
            yield from _parts(inner, depth - 1)
    elif isinstance(value, tuple | list | frozenset):
        yield value
        for inner in value:
            yield from _parts(inner, depth - 1)
    else:
        yield value


def given(option: str, default: object) -> Trigger:
    """An option of the call has another value than its default."""
    return lambda seen: bool(getattr(seen.op, option) != default)


def optional(kind: type) -> dict[str, object]:
    """The options of a request and their defaults."""
    found: dict[str, object] = {}
    for one in fields(kind):
        if one.default is not MISSING:
            found[one.name] = one.default
        elif one.default_factory is not MISSING:
            found[one.name] = one.default_factory()
    return found


def _text(pattern: str) -> Trigger:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda seen: any(compiled.search(one) for one in seen.texts)


def _long(size: int) -> Trigger:
    return lambda seen: any(len(one.encode(errors="replace")) >= size for one in seen.texts)


def _composed(seen: Seen) -> bool:
    return any(unicodedata.normalize("NFC", one) != one for one in seen.texts)


def _payload(wanted: Callable[[bytes], bool]) -> Trigger:
    return lambda seen: any(map(wanted, seen.payloads))


def _number(wanted: Callable[[float], bool]) -> Trigger:
    return lambda seen: any(map(wanted, seen.numbers))


def _not_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _idle(seconds: float) -> Trigger:
    return lambda seen: seen.now - seen.before[1] >= seconds


def _old(seconds: float) -> Trigger:
    return lambda seen: seen.now - seen.server.began >= seconds


def _nth(number: int) -> Trigger:
    return lambda seen: seen.server.times[seen.name] >= number


def _ended(how: str) -> Trigger:
    return lambda seen: seen.server.ended.get(id(seen.driver), "") == how


_MARKS = "/\\.%:'\",-_*?[]{}()<>#&=+~@!$|;^`"

TRIGGERS: dict[str, Trigger] = {
    "always": lambda _: True,
    **{f"a text of {size} bytes or more": _long(size) for size in (33, 65, 129, 256, 513)},
    "a text that is not ASCII": _text(r"[^\x00-\x7f]"),
    "a text beyond the BMP": _text("[\U00010000-\U0010ffff]"),
    "a text that is not composed": _composed,
    "a text in capitals": _text(r"[A-Z]"),
    "a text of digits": _text(r"^\d+$"),
    "a text that begins with a digit": _text(r"^\d"),
    "a text like a number": _text(r"^-?\d+(\.\d*)?(e\d+)?$"),
    "a text like a word of JSON": _text(r"^(true|false|null|None|nan|NaN)$"),
    "a text of one character": _text(r"^.$"),
    "an empty text": _text(r"^$"),
    "a space": _text(r" "),
    "a space at an edge": _text(r"^\s|\s$"),
    "a newline": _text(r"\n"),
    "a control character": _text(r"[\x00-\x08\x0b-\x1f\x7f]"),
    "a tab": _text(r"\t"),
    **{
        f"the character {one}": _text(re.escape(one))
        for one in "/\\.%:'\",-_*?[]{}()<>#&=+~@!$|;^`"
    },
    "two dots": _text(r"\.\."),
    "two slashes": _text(r"//"),
    "a slash at an edge": _text(r"^/|/$"),
    "a dot at an edge": _text(r"^\.|\.$"),
    "an empty payload": _payload(lambda one: not one),
    **{
        f"a payload of {size} bytes or more": _payload(lambda one, size=size: len(one) >= size)
        for size in (256, 4096, 65536, 1 << 20)
    },
    "a payload of one byte": _payload(lambda one: len(one) == 1),
    "a payload with NUL": _payload(lambda one: b"\0" in one),
    "a payload of zeros": _payload(lambda one: bool(one) and not any(one)),
    "a payload that is no text": _payload(_not_text),
    "a payload that ends in a newline": _payload(lambda one: one.endswith(b"\n")),
    "a payload that ends in NUL": _payload(lambda one: one.endswith(b"\0")),
    "a payload of digits": _payload(lambda one: one.isdigit()),
    "a payload that looks like JSON": _payload(lambda one: one[:1] in (b"{", b"[", b'"')),
    "the number zero": _number(lambda one: one == 0),
    "the number one": _number(lambda one: one == 1),
    "a negative number": _number(lambda one: one < 0),
    "a number beyond 32 bits": _number(lambda one: abs(one) >= 1 << 31),
    "a number beyond 53 bits": _number(lambda one: abs(one) > 1 << 53),
    "a number beyond 1,000": _number(lambda one: abs(one) > 1000),
    "a number beyond a day": _number(lambda one: abs(one) > 86400),
    "a fraction": _number(lambda one: math.isfinite(one) and one != int(one)),
    "a number below 0.1": _number(lambda one: 0 < one < 0.1),
    "an empty list": lambda seen: 0 in seen.sizes,
    "a list of one": lambda seen: 1 in seen.sizes,
    **{
        f"a list of {size} or more": lambda seen, size=size: max(seen.sizes, default=0) >= size
        for size in (3, 10, 33, 101, 1001)
    },
    "the first call about a name": lambda seen: not seen.server.times[seen.name],
    "the second call about a name": lambda seen: seen.server.times[seen.name] == 1,
    **{f"call {number} or later about a name": _nth(number) for number in (4, 9, 17, 65, 257)},
    "the same request again": lambda seen: seen.server.asked[_key(seen)] == 1,
    "the same request a fourth time": lambda seen: seen.server.asked[_key(seen)] == 3,
    **{
        f"{word} after the last call about the name": _idle(seconds)
        for word, seconds in (("1 s", 1), ("1 min", 60), ("1 h", 3600), ("1 day", 86400))
    },
    **{
        f"{word} after the store began": _old(seconds)
        for word, seconds in (
            ("10 s", 10),
            ("5 min", 300),
            ("1 h", 3600),
            ("1 day", 86400),
            ("30 days", 30 * 86400),
        )
    },
    **{
        f"{size} names or more in use": lambda seen, size=size: len(seen.server.times) >= size
        for size in (5, 20, 120, 1001)
    },
    **{
        f"call {number} or later": lambda seen, number=number: seen.server.calls >= number
        for number in (10, 60, 300, 1500)
    },
    "the second client": lambda seen: seen.client == 2,
    "the third client or a later one": lambda seen: seen.client >= 3,
    "another client had the name last": lambda seen: seen.before[2] != seen.client,
    "the client's last call failed": _ended("failed"),
    "the client's last call was cancelled": _ended("cancelled"),
    # The call itself is one of those under way.
    "another call about the name at once": lambda seen: seen.server.busy[seen.name] > 1,
    **{
        f"{number} other calls at once": lambda seen, number=number: seen.server.busy.total()
        >= number
        for number in (1, 4, 16, 48)
    },
    "inside a transaction": lambda seen: getattr(seen.driver, "_transaction", None) is not None,
}
"""By what is told of each; options given and what came before are added for each contract."""


def _key(seen: Seen) -> str:
    return f"{seen.method} {seen.op!r} {seen.payloads!r}"
