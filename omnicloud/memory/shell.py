"""Programs of containers in memory: a shell of a few words, in simulated time.

It knows ``sh -c SCRIPT`` and the programs ``echo``, ``printf TEXT``, ``sleep``, ``true``,
``false``, ``cat FILE``, ``httpd -f -p PORT -h FOLDER``, ``wget -q -O - http://HOST:PORT/FILE``
and ``dd if=FILE of=FILE bs=N count=N``, which takes the time that limits make it take and moves
nothing. A script has ``;`` or new lines between its commands, ``NAME`` of the environment as
``$NAME``, ``>&2``, ``> FILE`` and ``>> FILE`` after an echo, ``:``, ``exit N``,
``trap 'COMMANDS' TERM``, ``while true; do …; done`` and ``for i in A B; do …; done``, whose list
may be ``$(seq A B)``. It is for tests of programs that use containers: it shows how they start,
speak, meet and end, and nothing else.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from omnicloud.contracts.containers.models import Stream
from omnicloud.errors import InvalidArgumentError

__all__ = ["PROGRAMS", "Nap", "Program", "Surroundings", "started"]

PROGRAMS = frozenset(
    {"sh", "echo", "printf", "sleep", "true", "false", "cat", "httpd", "wget", "dd"}
)

_TURN_SECONDS = 0.001  # processor time of one turn of a loop
_SERVING_SECONDS = 3600.0  # between looks at nothing
_TERMINATED = 143
_NOT_FOUND = 127
_BAD_SYNTAX = 2
_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_URL = re.compile(r"http://([^/:]+):(\d+)/(.+)")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[nt\\])")
_ESCAPED = {b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
_SEQ = re.compile(r"\$\(seq (\d+) (\d+)\)")

Running = Generator["Nap", None, int]


@dataclass(frozen=True, slots=True)
class Nap:
    """A program lets so many seconds pass, at work or asleep."""

    seconds: float
    busy: bool = False


class Surroundings(Protocol):
    """What a program reaches: files by absolute path, and hosts."""

    def read(self, path: str) -> list[str] | None: ...
    def write(self, path: str, lines: list[str], *, more: bool = False) -> bool: ...
    def fetch(self, host: str, port: int, path: str) -> list[str] | None: ...
    def transfer_seconds(self, *, read_bytes: int, written_bytes: int) -> float: ...


class _Nowhere:
    """No files and no hosts."""

    def read(self, _: str) -> None:
        return None

    def write(self, *_: object, more: bool = False) -> bool:
        return False

    def fetch(self, *_: object) -> None:
        return None

    def transfer_seconds(self, **_: int) -> float:
        return 0.0


class _Exit(Exception):  # noqa: N818 - the program's own end
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Program:
    """A program that runs: asked for its next nap until it ends."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], around: Surroundings
    ) -> None:
        self._env = dict(env)
        self._around = around
        self.serving: dict[int, str] = {}
        """Folders by the port at which it serves them."""
        self._trap: str | None = None
        self._signalled = False
        self.said: list[tuple[Stream, str]] = []
        """Lines that it wrote and were not taken yet; surrogates are bytes that are no text."""
        self.unended: dict[Stream, str] = {}
        """What it wrote of lines that have no end yet."""
        self.cut: set[Stream] = set()
        """Streams whose last line has none."""
        self._running = self._main(command)

    def next_nap(self) -> Nap | int:
        """What it does next: a nap, or its exit code."""
        try:
            return next(self._running)
        except StopIteration as end:
            self.finish()
            return int(end.value)

    def finish(self) -> None:
        """Let it write no more: what has no end is a line all the same."""
        self.cut |= self.unended.keys()
        self.said += self.unended.items()
        self.unended = {}

    def terminate(self) -> bool:
        """Give it TERM; whether that ends it at once, because it has no trap."""
        self._signalled = self._trap is not None
        return not self._signalled

    def _main(self, command: Sequence[str]) -> Running:
        if command[0] == "sh":
            script = command[2] if len(command) > 2 and command[1] == "-c" else ""
            running = self._block(_parsed(script))
        else:
            running = self._command(list(command))
        try:
            return (yield from running)
        except _Exit as end:
            return end.code

    def _block(self, commands: list[list[str]]) -> Running:
        code = 0
        at = 0
        while at < len(commands):
            words = commands[at]
            if words[0] in ("while", "for"):
                end = _end_of(commands, at)
                code = yield from self._loop(words, commands[at + 1 : end])
                at = end
            else:
                code = yield from self._command([self._expanded(word) for word in words])
            at += 1
        return code

    def _loop(self, head: list[str], body: list[list[str]]) -> Running:
        if body and body[0][0] == "do":
            body = [body[0][1:], *body[1:]] if body[0][1:] else body[1:]
        turns = _listed(head) if head[0] == "for" else None
        code = 0
        while turns is None or turns:
            if turns:
                self._env[head[1]] = turns.pop(0)
            code = yield from self._block(body)
            yield from self._rested(Nap(_TURN_SECONDS if turns is None else 0.0, busy=True))
        return code

    def _rested(self, nap: Nap) -> Generator[Nap, None, None]:
        if nap.seconds > 0:
            yield nap
        if self._signalled and self._trap is not None:
            self._signalled = False
            if self._trap:
                yield from self._block(_parsed(self._trap))

    def _command(self, words: list[str]) -> Running:
        match words:
            case ["exit", *rest]:
                raise _Exit(int(rest[0]) & 0xFF if rest else 0)
            case ["trap", handler, "TERM"]:
                self._trap = handler
            case ["sleep", seconds]:
                yield from self._rested(Nap(float(seconds)))
            case ["echo", *rest] if rest[-2:-1] not in ([">"], [">>"]):
                self._say(rest, "\n")
            case ["printf", *rest]:
                self._say([_unescaped(word) for word in rest])
            case ["httpd", "-f", "-p", port, "-h", folder]:
                self.serving[int(port)] = folder
                while True:
                    yield from self._rested(Nap(_SERVING_SECONDS))
            case ["dd", *settings]:
                return (yield from self._copied(settings))
            case ["false"]:
                return 1
            case ["true"] | [":"]:
                return 0
            case _:
                return self._reaching(words)
        return 0

    def _reaching(self, words: list[str]) -> int:
        """What has to do with files and hosts."""
        match words:
            case ["echo", *rest, (">" | ">>") as how, path]:
                return self._wrote(rest, path, more=how == ">>")
            case ["cat", path]:
                return self._told(self._around.read(path), f"cat: can't open '{path}'")
            case ["wget", "-q", "-O", "-", url]:
                return self._told(self._fetched(url), f"wget: can't reach '{url}'")
            case _:
                self.said.append((Stream.STDERR, f"sh: {words[0]}: not found"))
                return _NOT_FOUND

    def _copied(self, settings: list[str]) -> Running:
        """A copy in blocks; files under ``/dev`` are no disk's."""
        asked = {name: value for name, _, value in (one.partition("=") for one in settings)}
        source, target = asked.get("if", "/dev/zero"), asked.get("of", "/dev/null")
        size, count = int(asked.get("bs", "512")), int(asked.get("count", "1"))
        reads, writes = (not path.startswith("/dev/") for path in (source, target))
        if reads and self._around.read(source) is None:
            self.said.append((Stream.STDERR, f"dd: can't open '{source}'"))
            return 1
        if writes and not self._around.write(target, []):
            self.said.append((Stream.STDERR, f"dd: can't open '{target}': Read-only file system"))
            return 1
        for _ in range(count):
            seconds = self._around.transfer_seconds(
                read_bytes=size * reads, written_bytes=size * writes
            )
            yield from self._rested(Nap(seconds))
        return 0

    def _say(self, words: list[str], end: str = "") -> None:
        stream = Stream.STDERR if words[-1:] == [">&2"] else Stream.STDOUT
        text = " ".join(words if stream is Stream.STDOUT else words[:-1]) + end
        *lines, rest = (self.unended.pop(stream, "") + text).split("\n")
        self.said += [(stream, line) for line in lines]
        if rest:
            self.unended[stream] = rest

    def _wrote(self, words: list[str], path: str, *, more: bool) -> int:
        if self._around.write(path, " ".join(words).split("\n"), more=more):
            return 0
        self.said.append((Stream.STDERR, f"sh: can't create {path}: Read-only file system"))
        return 1

    def _told(self, lines: list[str] | None, otherwise: str) -> int:
        if lines is None:
            self.said.append((Stream.STDERR, otherwise))
            return 1
        self.said += [(Stream.STDOUT, line) for line in lines]
        return 0

    def _fetched(self, url: str) -> list[str] | None:
        found = _URL.fullmatch(url)
        return found and self._around.fetch(found[1], int(found[2]), found[3])

    def _expanded(self, word: str) -> str:
        return _NAME.sub(lambda found: self._env.get(found[1] or found[2], ""), word)


def started(
    command: Sequence[str], env: Mapping[str, str], around: Surroundings | None = None
) -> Program:
    """A program at its beginning.

    Raises:
        InvalidArgumentError: There is no such program.
    """
    if command[0] not in PROGRAMS:
        raise InvalidArgumentError(
            "the engine in memory has no such program",
            hint=f"it knows {', '.join(sorted(PROGRAMS))}",
        )
    return Program(command, env, around or _Nowhere())


def _unescaped(text: str) -> str:
    def byte(found: re.Match[bytes]) -> bytes:
        return _ESCAPED.get(found[1]) or bytes([int(found[1], 8) & 0xFF])

    return _ESCAPE.sub(byte, text.encode()).decode(errors="surrogateescape")


def _parsed(script: str) -> list[list[str]]:
    """The commands of a script, each as its words; ``do`` stands before the first of a body."""
    lexer = shlex.shlex(script.replace("\n", ";"), posix=True, punctuation_chars=";")
    lexer.whitespace_split = True
    lexer.commenters = ""
    commands: list[list[str]] = [[]]
    try:
        for word in lexer:
            if set(word) == {";"}:
                commands.append([])
            else:
                commands[-1].append(word)
    except ValueError:
        return [["exit", str(_BAD_SYNTAX)]]
    return [words for words in commands if words]


def _end_of(commands: list[list[str]], start: int) -> int:
    depth = 0
    for at in range(start, len(commands)):
        words = commands[at]
        opener = words[1] if words[0] == "do" and len(words) > 1 else words[0]
        depth += opener in ("while", "for")
        depth -= words[0] == "done"
        if depth == 0:
            return at
    raise _Exit(_BAD_SYNTAX)


def _listed(head: list[str]) -> list[str]:
    text = " ".join(head[3:])
    found = _SEQ.fullmatch(text)
    if found is None:
        return head[3:]
    return [str(number) for number in range(int(found[1]), int(found[2]) + 1)]
