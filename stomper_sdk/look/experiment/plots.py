"""An experiment as pictures: figures of matplotlib that are returned, and shown by a notebook only.

What a colour says a shape or a word says, too.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stomper_sdk.experiments import Comparison, Measure, Row
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.drawing import BLUE, GREY, ORANGE, VERMILION, new_figure, worded
from stomper_sdk.look.experiment.front import AMOUNTS, Amount, front_of, points_of, tables_of
from stomper_sdk.model.present import one_line

__all__ = ["plot_codes", "plot_comparisons", "plot_pareto", "plot_variants"]

_NAMES, _CODES, _PAIRS = 60, 25, 60
_UNITS: Mapping[Measure, str] = {
    "fixed": "points more findings fixed",
    "cost_usd": "US dollars more for each finding",
    "seconds": "seconds more for each finding",
    "tokens": "tokens more for each finding",
}


def plot_variants(experiment: Experiment) -> Any:
    """The share of findings that each variant fixed, with its 95 % interval (Wilson); why one has none."""
    rows = {table.variant: table.total for table in experiment.tables}
    names = [variant.name for variant in experiment.variants]
    figure, axes = new_figure(_width(names, 5.5), 1.3 + 0.32 * len(names))
    for place, variant in enumerate(experiment.variants):
        row = rows.get(variant.name)
        if row is None:
            why = worded(f"{variant.status}: {variant.reason}" if variant.reason else variant.status, 80)
            axes.text(0.01, place, why, va="center", color=VERMILION, style="italic", fontsize="small")
            continue
        _interval(axes, place, row.rate, (row.interval.low, row.interval.high), BLUE, filled=True)
        told = f"{row.fixed:.4g} of {row.findings}"
        axes.text(1.02, place, told, va="center", fontsize="small", transform=axes.get_yaxis_transform())
    if experiment.against in rows:
        axes.axvline(rows[experiment.against].rate, color=GREY, linestyle=":", linewidth=1, zorder=0)
    _down(axes, names)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_xlabel("findings fixed, with 95 % intervals")
    axes.set_title(_title(experiment))
    return figure


def plot_comparisons(experiment: Experiment, measure: Measure = "fixed", alpha: float = 0.05) -> Any:
    """By how much variants differ, with intervals that hold together; filled where they do differ.

    Of many pairs those are shown that are told apart the best. Rates that were looked at while it went on
    have the intervals of those looks, at 95 %.
    """
    found = experiment.comparisons(measure, alpha)
    shown = found if len(found) <= _PAIRS else sorted(found, key=lambda it: it.adjusted)[:_PAIRS]
    names = [f"{_named(it.a)}\nless {_named(it.b)}" for it in shown]
    widths = [line for name in names for line in name.split("\n")]
    figure, axes = new_figure(_width(widths, 5.5), 1.6 + 0.5 * len(shown))
    scale = 100 if measure == "fixed" else 1
    reach = _reach(shown, scale)
    for place, it in enumerate(shown):
        bounds = (max(it.interval.low * scale, -reach), min(it.interval.high * scale, reach))
        color = BLUE if it.different else GREY
        _interval(axes, place, it.difference * scale, bounds, color, filled=it.different)
        said = f"{it.verdict}\np = {it.adjusted:.2g}" if it.clear else it.verdict
        axes.text(1.02, place, said, va="center", fontsize="small", transform=axes.get_yaxis_transform())
    axes.axvline(0, color="black", linewidth=1)
    _down(axes, names, ready=True)
    axes.set_xlim(-reach * 1.05, reach * 1.05)
    axes.set_xlabel(f"{_UNITS[measure]}, with intervals{_level(experiment, measure, alpha, len(found))}")
    more = f", {len(shown)} of {len(found)} pairs" if len(shown) < len(found) else ""
    axes.set_title(_title(experiment) + more)
    return figure


def plot_pareto(experiment: Experiment, x: Amount | None = None) -> Any:
    """What each variant took against what it fixed; those on the front are beaten by none in both.

    Args:
        experiment: what was tried.
        x: what is taken; left out, what was told of all variants: dollars, else tokens, else seconds.

    Raises:
        UsageError: of no variant that was told.
    """
    chosen, points, untold = points_of(experiment, x)
    best = front_of(points)
    figure, axes = new_figure(_width(list(points), 6.5), max(4.2, 1.2 + 0.24 * len(points)))
    ranked = sorted(points, key=lambda name: (-points[name][1], points[name][0]))
    axes.step(*zip(*sorted(points[name] for name in best), strict=True), where="post", color=ORANGE, zorder=1)
    for number, name in enumerate(ranked, 1):
        face = ORANGE if name in best else "white"
        told = f"{number}  {_named(name)}{' (front)' if name in best else ''}"
        axes.scatter(*points[name], s=170, facecolor=face, edgecolor="black", label=told, zorder=2)
        axes.annotate(str(number), points[name], ha="center", va="center", fontsize="x-small", zorder=3)
    axes.set_xlim(0, 1.08 * max(taken for taken, _ in points.values()) or 1)
    axes.set_ylim(-0.03, 1.03)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_ylabel("findings fixed")
    why = "" if x or chosen == "cost_usd" else " (what it cost is not known of all)"
    axes.set_xlabel(f"{AMOUNTS[chosen]} for each finding{why}")
    missing = f", not told: {worded(', '.join(untold), 50)}" if untold else ""
    axes.set_title(_title(experiment) + missing)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small", markerscale=0.6)
    return figure


def plot_codes(experiment: Experiment) -> Any:
    """The share of findings that each variant fixed of each code; the most frequent codes."""
    tables = tables_of(experiment)
    rows = {(table.variant, row.name): row for table in tables for row in table.codes}
    names = [table.variant for table in tables]
    counts = Counter(finding.code for task in experiment.tasks for finding in task.findings)
    codes = [code for code, _ in counts.most_common(_CODES)]
    if len(codes) > len(names):  # the longer list goes down, where its names have room
        down, across = list(map(worded, codes)), list(map(_named, names))
        cells = [[rows.get((name, code)) for name in names] for code in codes]
    else:
        down, across = list(map(_named, names)), list(map(worded, codes))
        cells = [[rows.get((name, code)) for code in codes] for name in names]
    figure, axes = new_figure(_width(down, 2.2 + max(1.1 * len(across), 2)), 2.2 + 0.33 * len(down))
    shares = [[_rate(cell) for cell in line] for line in cells]
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for y, line in enumerate(cells):
        for x, cell in enumerate(line):
            color = "white" if _rate(cell) < 0.5 else "black"
            axes.text(x, y, _cell(cell), ha="center", va="center", color=color, fontsize="small")
    axes.set_xticks(range(len(across)), across, rotation=20, ha="right")
    axes.set_yticks(range(len(down)), down)
    axes.tick_params(length=0)
    bar = figure.colorbar(image, ax=axes, label="findings fixed", format=lambda it, _: f"{100 * it:.0f} %")
    bar.outline.set_visible(False)
    more = f", {len(codes)} of {len(counts)} codes" if len(codes) < len(counts) else ""
    axes.set_title(_title(experiment) + more)
    return figure


def _interval(
    axes: Any, place: int, value: float, bounds: tuple[float, float], color: str, *, filled: bool
) -> None:
    axes.plot(bounds, (place, place), color=color, linewidth=2.5 if filled else 1.5, solid_capstyle="butt")
    axes.plot(bounds, (place, place), color=color, linestyle="", marker="|", markersize=8)
    face = color if filled else "white"
    axes.plot(value, place, marker="o", markersize=7, markeredgecolor=color, markerfacecolor=face)


def _down(axes: Any, names: Sequence[str], *, ready: bool = False) -> None:
    """Names at the left, the first at the top."""
    axes.set_yticks(range(len(names)), names if ready else list(map(_named, names)))
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def _level(experiment: Experiment, measure: Measure, alpha: float, pairs: int) -> str:
    if measure == "fixed" and experiment.decisions:
        return " that hold at all looks at 95 %"
    return f" that hold {'together ' if pairs > 1 else ''}at {100 * (1 - alpha):.3g} %"


def _reach(found: Sequence[Comparison], scale: float) -> float:
    """How far from 0 the axis goes: as far as any bound that is not without end."""
    ends = (abs(it * scale) for c in found for it in (c.difference, c.interval.low, c.interval.high))
    return max((it for it in ends if math.isfinite(it)), default=1.0) or 1.0


def _rate(row: Row | None) -> float:
    return math.nan if row is None else row.rate


def _cell(row: Row | None) -> str:
    return "" if row is None else f"{100 * row.rate:.0f} %, {row.fixed:.4g} of {row.findings}"


def _named(variant: str) -> str:
    """A variant's name; what tells it from others often stands at its end, so a long one lacks its middle."""
    name, half = one_line(variant, 10 * _NAMES), _NAMES // 2
    return worded(name if len(name) <= _NAMES else f"{name[:half]}…{name[1 - half :]}", _NAMES)


def _width(names: Sequence[str], plot: float) -> float:
    """Inches for the plot and for names beside it."""
    return plot + 0.075 * min(max(map(len, names), default=0), _NAMES)


def _title(experiment: Experiment) -> str:
    return (
        f"{worded(experiment.name, 40)}: {experiment.finding_count} findings in {len(experiment.tasks)} files"
    )
