"""What a benchmark leaves behind: JSON with all that is needed to repeat it, a table, a plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
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
        "options": {**options, "data": Path(str(options["data"])).name},
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
) -> None:
    """A bar for each policy with the spread over windows, as PNG beside the JSON."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.45 * len(bars) + 1.6))
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
    figure.tight_layout()
    figure.savefig(RESULTS / f"{name}.png", dpi=120)
    plt.close(figure)


def plot_scatter(
    name: str, title: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], unit: str = "cores"
) -> None:
    """Forecast against what came, one colour for each window, as PNG beside the JSON."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.5, 5.5))
    for number, (said, came) in enumerate(pairs, 1):
        axes.scatter(came, said, s=9, alpha=0.6, label=f"window {number}")
    most = max(float(max(said.max(), came.max())) for said, came in pairs)
    axes.plot([0, most], [0, most], color="#888", linewidth=0.8)
    axes.set_xlabel(f"came, {unit}; below the line: too low")
    axes.set_ylabel(f"forecast, {unit}")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(RESULTS / f"{name}.png", dpi=120)
    plt.close(figure)
