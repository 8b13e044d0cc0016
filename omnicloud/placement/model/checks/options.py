"""What can be wrong with options."""

from __future__ import annotations

from collections.abc import Iterator

from omnicloud.placement.model.checks.amounts import check_amount, check_count
from omnicloud.placement.model.errors import Problem
from omnicloud.placement.model.options import Options

__all__ = ["check_options"]


def check_options(options: Options) -> Iterator[Problem]:
    """Counts, prices, and aims."""
    yield from check_count("options", "move_budget", options.move_budget)
    yield from check_amount("options", "move_price", options.move_price)
    yield from check_count("options", "spare_nodes", options.spare_nodes)
    yield from check_count("options", "verify_top", options.verify_top, least=1)
    names = [aim.objective for aim in options.aims]
    if not names:
        yield Problem("options", "have no aim", "name an objective, such as density")
    if len(names) != len(set(names)):
        yield Problem("options", f"name an aim twice in {', '.join(names)}", "add the weights up")
