"""One SOPS file, opened: its secrets by name, and how they are changed.

A secret is a scalar; its name is the path of its keys joined by ``/``. New ones stand at the
top, whole, so every name can be one: the key ``sops``, which is the metadata's, is written
``./sops``. Text is stored as it is; other bytes, and text that begins like them, as
``omnicloud-bytes:`` and base64. Items of lists have no name, and ``null`` is no secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from omnicloud.errors import CorruptedError, UnsupportedError
from omnicloud_sops.cipher import KEY_BYTES, DataKey, is_closed, unwrapped, wrapped
from omnicloud_sops.formats import Tree
from omnicloud_sops.identities import Identity, Recipient
from omnicloud_sops.rules import CLOSE_EVERYTHING, closing_of

__all__ = ["Document", "Leaf", "made"]

_METADATA = "sops"
_EMPTY = "omnicloud_empty"  # among the metadata: a nonce for each empty value
_NONCE_BYTES = 12
_ESCAPED = re.compile(r"(\./)*sops")
_BYTES = b"omnicloud-bytes:"
_WRITTEN_BY = "3.11.0"  # the release of SOPS whose format this is

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where a secret stands, and what is written there."""

    path: _Path
    written: str
    plain: bytes

    def __repr__(self) -> str:
        return "Leaf(***)"


_Found = tuple[Leaf | None, bytes]
_Seen = set[int]


class Document:
    """A file whose every value was opened and whose code over all of them holds.

    Raises:
        CorruptedError: A value or the code does not fit, or two secrets have one name.
        PermissionDeniedError: None of the identities opens it.
        ConfigurationError: It uses what this provider does not know.
    """

    def __init__(self, tree: Tree, identities: Sequence[Identity]) -> None:
        metadata = tree.get(_METADATA)
        if not isinstance(metadata, dict):
            raise CorruptedError(
                "the file was not encrypted by SOPS: it has no metadata",
                hint="encrypt it: sops encrypt --in-place FILE; change what was in the clear",
            )
        self._tree = tree
        self._metadata: dict[str, Any] = metadata
        self._closes = closing_of(metadata)
        self._key = DataKey(unwrapped(metadata, identities))
        self._named: dict[str, Leaf] = {}
        try:
            code = self._open_all()
        except RecursionError:
            raise CorruptedError("the file nests too deep") from None
        self._check(code)

    @property
    def tree(self) -> Tree:
        """The document as it stands in the file."""
        return self._tree

    def names(self) -> Iterator[str]:
        """Of all secrets, in no order."""
        return iter(self._named)

    def value(self, name: str) -> bytes | None:
        """The value, ``None`` where there is none of that name."""
        leaf = self._named.get(name)
        return None if leaf is None else _decoded(leaf.plain)

    def version(self, name: str) -> str | None:
        """Of the value: what changes whenever it is written.

        A closed value has a nonce of its own. An empty one, which SOPS leaves as it is, has one
        among the metadata; where SOPS wrote it, or it stands in the clear by the file's rules, it
        has the version of the whole file.
        """
        leaf = self._named.get(name)
        if leaf is None:
            return None
        source = leaf.written if is_closed(leaf.written) else f"file {self._metadata['mac']}"
        if leaf.plain == b"" and name in self._empty():
            source = f"empty {self._empty()[name]}"
        return hashlib.sha256(source.encode()).hexdigest()[:32]

    def set(self, name: str, value: bytes, now: str) -> None:
        """Give a secret a value.

        Raises:
            UnsupportedError: The file's rules would leave it in the clear, or the name is that
                of a mapping or a list.
        """
        leaf = self._named.get(name)
        path = (_escaped(name),) if leaf is None else leaf.path
        if leaf is None and self._tree.get(path[0]) is not None:
            raise UnsupportedError(
                "a mapping or a list of the file has that name, which a value would replace",
                hint="choose another name, or a secret inside of it",
            )
        if not self._closes(path):
            raise UnsupportedError(
                "the file's rules leave a value of that name in the clear",
                hint="choose another name, or change encrypted_regex and its kin in the file",
            )
        plain = _encoded(value)
        written = self._key.close(plain, _bound(path)) if plain else ""
        self._note_empty(name, os.urandom(_NONCE_BYTES).hex() if not plain else None)
        _holder(self._tree, path)[path[-1]] = written
        self._named[name] = Leaf(path, written, plain)
        self.sign(now)

    def delete(self, name: str, now: str) -> bool:
        """Remove a secret, and mappings that are left empty; whether it was there."""
        leaf = self._named.pop(name, None)
        if leaf is None:
            return False
        self._note_empty(name, None)
        path = leaf.path
        del _holder(self._tree, path)[path[-1]]
        while len(path) > 1 and not _holder(self._tree, path):
            path = path[:-1]
            del _holder(self._tree, path)[path[-1]]
        self.sign(now)
        return True

    def _empty(self) -> dict[str, str]:
        """The nonces of empty values by name; SOPS drops them when it changes the file."""
        held = self._metadata.get(_EMPTY)
        return held if isinstance(held, dict) else {}

    def _note_empty(self, name: str, nonce: str | None) -> None:
        others = {other: held for other, held in self._empty().items() if other != name}
        if nonce is not None:
            others[name] = nonce
        if others:
            self._metadata[_EMPTY] = others
        else:
            self._metadata.pop(_EMPTY, None)

    def sign(self, now: str) -> None:
        """Compute the code over all values anew."""
        code = _code(plain for _, plain in self._leaves())
        self._metadata["lastmodified"] = now
        self._metadata["mac"] = self._key.close(code, now)

    def _open_all(self) -> bytes:
        """Read every secret, and give the code over all values."""
        plains = []
        for leaf, plain in self._leaves():
            plains.append(plain)
            if leaf is None:
                continue
            name = "/".join(leaf.path) if len(leaf.path) > 1 else _unescaped(leaf.path[0])
            if name in self._named:
                raise CorruptedError(
                    "two secrets of the file have one name",
                    hint="a key with a slash and nested keys are alike: rename one",
                )
            self._named[name] = leaf
        return _code(plains)

    def _check(self, code: bytes) -> None:
        mac, signed = self._metadata.get("mac"), self._metadata.get("lastmodified")
        if not isinstance(mac, str) or not isinstance(signed, str):
            raise CorruptedError("the file's code over all values is missing")
        if not hmac.compare_digest(self._key.open(mac, signed), code):
            raise CorruptedError(
                "the file's code over all values does not fit: it was changed without SOPS",
                hint="restore it from version control",
            )

    def _leaves(self) -> Iterator[_Found]:
        """Every scalar in the order of the file; no leaf for those that have no name."""
        seen: _Seen = set()
        for key, value in self._tree.items():
            if key != _METADATA:
                yield from self._below(value, (key,), True, seen)

    def _below(self, value: Any, path: _Path, named: bool, seen: _Seen) -> Iterator[_Found]:
        if isinstance(value, dict | list):
            if id(value) in seen:
                raise CorruptedError("the file has a YAML alias, which SOPS never writes")
            seen.add(id(value))
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from self._below(inner, (*path, str(key)), named, seen)
        elif isinstance(value, list):
            for inner in value:
                yield from self._below(inner, path, False, seen)
        elif value is not None:
            plain = self._plain(value, path)
            written = value if isinstance(value, str) else ""
            yield (Leaf(path, written, plain) if named else None), plain

    def _plain(self, value: object, path: _Path) -> bytes:
        if value == "" or not self._closes(path):
            return _bare(value)
        if not isinstance(value, str):
            raise CorruptedError("a value is in the clear where the file's rules want it closed")
        return self._key.open(value, _bound(path))


def made(recipients: Sequence[Recipient], identities: Sequence[Identity], now: str) -> Document:
    """A document without secrets, for these recipients."""
    key = os.urandom(KEY_BYTES)
    signed = DataKey(key).close(_code(()), now)
    metadata = {
        "age": wrapped(key, recipients),
        "lastmodified": now,
        "mac": signed,
        **CLOSE_EVERYTHING,
        "version": _WRITTEN_BY,
    }
    return Document({_METADATA: metadata}, identities)


def _holder(tree: Tree, path: _Path) -> Tree:
    """The mapping that holds the last key of the path."""
    for key in path[:-1]:
        tree = tree[key]
    return tree


def _bound(path: _Path) -> str:
    return "".join(f"{key}:" for key in path)


def _code(plains: Iterable[bytes]) -> bytes:
    digest = hashlib.sha512()
    for plain in plains:
        digest.update(plain)
    return digest.hexdigest().upper().encode()


def _bare(value: object) -> bytes:
    """A value in the clear, as SOPS counts it: Go's shortest decimal form without exponent."""
    if isinstance(value, bool):
        return str(value).encode()
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text).encode()
    return str(value).encode()


def _escaped(name: str) -> str:
    return f"./{name}" if _ESCAPED.fullmatch(name) else name


def _unescaped(key: str) -> str:
    return key.removeprefix("./") if _ESCAPED.fullmatch(key) else key


def _encoded(value: bytes) -> bytes:
    if not value.startswith(_BYTES):
        try:
            value.decode()
        except UnicodeDecodeError:
            pass
        else:
            return value
    return _BYTES + base64.b64encode(value)


def _decoded(plain: bytes) -> bytes:
    if not plain.startswith(_BYTES):
        return plain
    try:
        return base64.b64decode(plain.removeprefix(_BYTES), validate=True)
    except binascii.Error:
        raise CorruptedError("a value that says it is base64 is none") from None
