"""What a benchmark leaves behind: JSON with all to repeat it, a table, pictures and a page."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from _pages import page

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
_drawn: dict[str, dict[str, Path]] = {}
"""The pictures of this run by the benchmark's name and their own: what its page shows."""

Figures = Mapping[str, Mapping[str, float]]


def write(
    name: str,
    policies: Figures,
    *,
    data: Mapping[str, str],
    options: Mapping[str, object],
    more: Mapping[str, object] | None = None,
) -> Path:
    """Write ``benchmarks/results/NAME.json`` and say where."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    what = {
        "benchmark": name,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "platform": platform.platform(),
            "processors": os.cpu_count(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "commit": commit.stdout.strip(),
        "data_sha256": dict(data),
        "options": {**options, "data": Path(str(options.get("data", ""))).name},
        "policies": {one: dict(figures) for one, figures in policies.items()},
        **(more or {}),
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(what, indent=1) + "\n")
    print(f"written: {path.relative_to(ROOT)}", file=sys.stderr)
    return path


def table(policies: Figures, figures: Mapping[str, str]) -> None:
    """Print one line for each policy; ``figures`` maps a figure to its format."""
    print(f"{'':22}" + "".join(f"{name:>24}" for name in figures))
    for policy, values in policies.items():
        cells = (
            format(values[name], shape) if name in values else "-"
            for name, shape in figures.items()
        )
        print(f"{policy:22}" + "".join(f"{cell:>24}" for cell in cells))


def plot_bars(
    name: str,
    title: str,
    unit: str,
    bars: Mapping[str, list[float]],
    limit: float | None = None,
    *,
    log: bool = False,
    part: str = "",
) -> None:
    """A bar for each policy with the spread over windows; ``part`` names a further picture."""
    figure, axes = _axes(9, 0.45 * len(bars) + 1.6)
    labels = list(bars)[::-1]
    means = [float(np.mean(bars[label])) for label in labels]
    spread = np.array(
        [[m - min(bars[k]), max(bars[k]) - m] for k, m in zip(labels, means, strict=True)]
    )
    axes.barh(labels, means, xerr=np.maximum(spread.T, 0), color="#5c6bc0", ecolor="#888")
    for row, mean in enumerate(means):
        axes.text(mean, row + 0.08, f" {mean:.3g}", va="bottom", fontsize=8)
    if limit is not None:
        axes.axvline(limit, color="#c62828", linestyle=":")
    if log:
        axes.set_xscale("log")
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(f"{unit}; bar: mean of the windows, line: least to most")
    _keep(name, part, figure)


def plot_scatter(
    name: str, title: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], unit: str = "cores"
) -> None:
    """Forecast against what came, one colour for each window."""
    figure, axes = _axes(5.5, 5.5)
    for number, (said, came) in enumerate(pairs, 1):
        axes.scatter(came, said, s=9, alpha=0.6, label=f"window {number}")
    most = max(float(max(said.max(), came.max())) for said, came in pairs)
    axes.plot([0, most], [0, most], color="#888", linewidth=0.8)
    axes.set_xlabel(f"came, {unit}; below the line: too low")
    axes.set_ylabel(f"forecast, {unit}")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7)
    _keep(name, "", figure)


def plot_frontier(
    name: str,
    title: str,
    labels: tuple[str, str],
    lines: Mapping[str, Sequence[tuple[float, float]]],
    *,
    limit: float | None = None,
    part: str = "",
) -> None:
    """What is got for what is risked: a line of points for each policy, a lone point a mark."""
    figure, axes = _axes(7, 5)
    for policy, points in lines.items():
        across, up = zip(*points, strict=True)
        axes.plot(across, up, marker="o", markersize=4, linewidth=1, label=policy)
    if limit is not None:
        axes.axvline(limit, color="#c62828", linestyle=":")
        axes.set_xscale("symlog", linthresh=limit)  # what matters lies below it, the rest far off
        axes.set_xlim(left=-limit / 10)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7)
    _keep(name, part, figure)


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty picture; no window is opened."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(width, height))


def _keep(name: str, part: str, figure: Figure) -> None:
    """The picture as PNG beside the JSON, and in the page with those drawn before."""
    from matplotlib import pyplot as plt

    path = RESULTS / f"{name}{'-' if part else ''}{part}.png"
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
    drawn = _drawn.setdefault(name, {})
    drawn[part] = path
    page(RESULTS / f"{name}.json", drawn.values())
