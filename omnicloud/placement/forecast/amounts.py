"""What arrays of usage and capacities must hold before anything is worked out from them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from omnicloud.errors import InvalidArgumentError

__all__ = ["require_amounts", "require_numbers"]


def require_amounts(rows: int, arrays: Mapping[str, NDArray[np.floating]]) -> None:
    """Each has so many rows, and in them amounts: finite, 0 or more.

    A sum with NaN is over no bound, so that one gap would hide a node that is.

    Raises:
        InvalidArgumentError: Otherwise; names the array and the first row that is wrong.
    """
    for name, values in arrays.items():
        if values.shape[:1] != (rows,):
            raise InvalidArgumentError(
                f"{name} has the shape {values.shape}, {rows} rows are needed"
            )
        wrong = np.argwhere(~(np.isfinite(values) & (values >= 0)))
        if wrong.size:
            row = int(wrong[0][0])
            raise InvalidArgumentError(
                f"{name} of number {row} is {float(values[tuple(wrong[0])])}, 0 or more is needed",
                hint="put what stands in for a gap there, see forecast.gaps.whole",
            )


def require_numbers(name: str, numbers: NDArray[np.intp], below: int) -> None:
    """Each is the number of something of which there are so many.

    Raises:
        InvalidArgumentError: Otherwise; names the first that is wrong.
    """
    wrong = np.flatnonzero((numbers < 0) | (numbers >= below))
    if wrong.size:
        first = int(wrong[0])
        raise InvalidArgumentError(
            f"{name} of number {first} is {int(numbers[first])}, there are {below}"
        )
