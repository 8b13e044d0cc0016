"""JSON and YAML into trees, with every doubt an error and no content in it."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml  # type: ignore[import-untyped]  # its types are another distribution

from omnicloud.errors import CorruptedError
from omnicloud_sops.config import Format

__all__ = ["Tree", "parsed", "rendered"]

Tree = dict[str, Any]
"""A document: mappings, lists and scalars as they stand in the file."""

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # whichever there is
    """YAML as SOPS reads it: ``on`` and ``12:30`` are text, a key stands once."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - yaml's own name for it

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [str(self.construct_object(key, deep=True)) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise _twice()
        values = [self.construct_object(value, deep=True) for _, value in node.value]
        return dict(zip(keys, values, strict=True))


def _resolve(tag: str, pattern: str, first: str) -> None:
    starts = ["" if letter == " " else letter for letter in first]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), starts)


_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN ")
_resolve("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF")
_resolve("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789")
_resolve("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789")


def parsed(content: bytes, form: Format) -> Tree:
    """The document.

    Raises:
        CorruptedError: It is empty, is none, or has a key twice.
    """
    if not content.strip():
        raise CorruptedError(
            "the file is empty, not even a document without secrets",
            hint="restore it from version control",
        )
    try:
        tree = _json(content) if form == "json" else _yaml(content)
    except (ValueError, RecursionError, yaml.YAMLError):
        # Without its cause: that quotes the file, which may hold values in the clear.
        raise CorruptedError(
            f"the file is no {form.upper()}", hint="restore it from version control"
        ) from None
    if not isinstance(tree, dict):
        raise CorruptedError("the file holds no mapping")
    return tree


def rendered(tree: Tree) -> bytes:
    """The document as JSON, in SOPS's own layout."""
    return (json.dumps(tree, indent="\t", ensure_ascii=False) + "\n").encode()


def _json(content: bytes) -> object:
    return json.loads(content, object_pairs_hook=_once)


def _yaml(content: bytes) -> object:
    return yaml.load(content.decode(), _Loader)  # noqa: S506 - a safe loader's child


def _once(pairs: list[tuple[str, object]]) -> Tree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise _twice()
    return tree


def _twice() -> CorruptedError:
    return CorruptedError("a key stands twice in one mapping of the file")
