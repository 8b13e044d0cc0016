"""The tool that changes reference drivers: what it changes, and what it leaves alone."""

from __future__ import annotations

import ast
import importlib

from mutants import SERVES, compiled_functions, parsed, reached
from mutating import Change, applied, changes

SOURCE = '''
"""A module."""

from __future__ import annotations

__all__ = ["bounded"]


def bounded(number: int, most: int = 1 << 20) -> int:
    """Not more than that."""
    if number < 0:
        raise ValueError("a negative number", hint="give 1")
    seen = sorted(range(number), key=abs)
    if not seen:
        return 0
    for one in seen:
        print(one, number)
    return number if number < most and seen else max(number, most)
'''


def sources() -> list[tuple[Change, str]]:
    """Each change, and the source with it."""
    tree = ast.parse(SOURCE)
    made = []
    for change in changes(tree):
        with applied(change):
            made.append((change, ast.unparse(ast.fix_missing_locations(tree))))
    return made


def test_each_change_is_another_module_that_compiles() -> None:
    before = ast.unparse(ast.parse(SOURCE))
    texts = [text for _, text in sources()]
    assert before not in texts
    assert len(set(texts)) > 20
    for text in texts:
        compile(text, "changed", "exec")


def test_a_change_is_undone_when_it_was_looked_at() -> None:
    tree = ast.parse(SOURCE)
    for change in changes(tree):
        with applied(change):
            pass
    assert ast.unparse(tree) == ast.unparse(ast.parse(SOURCE))


def test_edges_branches_statements_orders_and_arguments_are_changed() -> None:
    whole = "\n".join(text for _, text in sources())
    for changed in (
        "number <= 0",
        "number < most or seen",
        "return None",
        "pass",
        "min(number, most)",
        "sorted(range(number))",
        "seen = range(number)",
        "print(number, one)",
        "list(seen)[:-1]",
        "if True",
    ):
        assert changed in whole, changed


def test_docstrings_annotations_exports_bounds_and_messages_stay() -> None:
    kept = ('"""A module."""', "most: int=1 << 20) -> int", "__all__ = ['bounded']", "give 1")
    for change, text in sources():
        if change.what not in ("statement removed", "if never"):
            assert all(part in text for part in kept), change.what


def test_modules_shared_with_the_portable_classes_are_changed_in_their_functions_only() -> None:
    for module in SERVES:
        if not module.startswith("omnicloud.memory"):
            before = vars(importlib.import_module(module))
            after = dict(before)
            exec(compiled_functions(module), after)
            anew = [value for name, value in after.items() if value is not before.get(name)]
            assert anew
            assert not any(isinstance(value, type) for value in anew)


def test_only_functions_that_drivers_call_are_changed() -> None:
    module = "omnicloud.contracts.documents.filters"
    tree = parsed(module)
    lines = reached(module, tree) or set()
    functions = [one for one in tree.body if isinstance(one, ast.FunctionDef)]
    called = {one.name for one in functions if one.lineno in lines}
    assert {"matches", "_compares"} <= called
    assert "read_filter" not in called
    assert reached("omnicloud.memory.kv", parsed("omnicloud.memory.kv")) is None
