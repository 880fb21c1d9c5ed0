"""Plots of simulated runs as small SVG files that read on light and on dark ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from tests.bench.simulate.result import Result

_INK = "#808080"  # readable on white and on black
_COLOURS = ("#3b82c4", "#d9822b", "#4c9f70", "#b65fa8", "#c94f4f")
_POINTS = 120  # of a curve: 5,000 terminals look the same, in a file of a few kilobytes
_SETTINGS: Final[dict[Any, Any]] = {
    "svg.hashsalt": "voi",  # the same picture, the same file
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def plot_done(results: Mapping[str, Result], path: Path) -> None:
    """How much of the terminals is done after how many bounds, a curve for each run."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(6.4, 3.2), layout="constrained")
        axes = figure.subplots()
        for (what, result), colour in zip(results.items(), _COLOURS, strict=False):
            times = _thinned(result.curve)
            label = f"{what}: last {result.last:.2f}, uplink {result.uplink:.2f}, server {result.server:.2f} copies"
            axes.step([time for time, _ in times], [part for _, part in times], where="post", color=colour, label=label)
        axes.axvline(1.0, color=_INK, linewidth=0.8, linestyle=":")
        axes.set_xlabel("time / bound")
        axes.set_ylabel("terminals done, %")
        axes.set_xlim(left=0.9 if max(result.last for result in results.values()) < 1.8 else 0)
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(0.0, 1.3))
        _write(figure, path)


def plot_check(simulated: Sequence[float], measured: Sequence[float], path: Path) -> None:
    """Real swarms against their simulation."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(3.6, 3.4), layout="constrained")
        axes = figure.subplots()
        top = max(*simulated, *measured) + 0.05
        axes.plot([1, top], [1, top], color=_INK, linewidth=0.8, linestyle=":")
        axes.plot(measured, simulated, "o", color=_COLOURS[0], markersize=4)
        axes.set_xlabel("last / bound, measured")
        axes.set_ylabel("last / bound, simulated")
        _write(figure, path)


def _thinned(curve: Sequence[float]) -> list[tuple[float, float]]:
    """Points of the share (in per cent) that is done at a time, from nobody to all."""
    step = max(1, len(curve) // _POINTS)
    places = sorted({*range(0, len(curve), step), len(curve) - 1})
    return [(curve[0], 0.0), *((curve[place], 100 * (place + 1) / len(curve)) for place in places)]


def _write(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
