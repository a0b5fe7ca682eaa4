"""A run as pictures: figures of matplotlib that are returned, and shown by a notebook only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from stomper_sdk.look.drawing import COLORS, new_figure, worded
from stomper_sdk.model.result import OUTCOMES, RunResult
from stomper_sdk.model.span import WHOLE
from stomper_sdk.reports.lanes import lanes_of, peak_of, waits_of

__all__ = ["plot_codes", "plot_outcomes", "plot_timeline"]

_WAIT = "#000000"
_OUTCOME_COLORS = {
    "fixed": "#009E73",
    "partial": "#F0E442",
    "unfixed": "#E69F00",
    "rejected": "#D55E00",
    "conflict": "#CC79A7",
    "error": "#7F0000",
    "skipped": "#999999",
    "cancelled": "#CCCCCC",
}
_CODES = 25


def plot_timeline(result: RunResult) -> Any:
    """When which file was at work, and at what: a lane for each worker, a colour for each stage.

    Black is time in which a file waits: for another to leave the user's repository, or to be tried again. A
    dotted line marks when most files were at work at once.
    """
    figure, axes = new_figure(10, 1.6 + 0.42 * max(result.peak_parallel_files, 1))
    lanes = lanes_of(result.spans)
    stages = list(dict.fromkeys(span.stage for span in result.spans if span.path and span.stage != WHOLE))
    colors = {stage: COLORS[n % len(COLORS)] for n, stage in enumerate(stages)}
    for stage in stages:
        spans = [span for span in result.spans if span.stage == stage and span.path in lanes]
        _bars(axes, [(lanes[span.path], span.since, span.until) for span in spans], colors[stage], stage)
    waits = [(lanes[span.path], span.since, span.until) for span in waits_of(result.spans)]
    _bars(axes, waits, _WAIT, "waiting", height=0.25)
    count = max(lanes.values(), default=-1) + 1
    if (peak := peak_of(result.spans)) is not None:
        axes.axvline(peak, color=_WAIT, linestyle=":", linewidth=1, label="peak")
    axes.set_xlim(left=0)
    axes.set_yticks(range(count), [f"worker {number + 1}" for number in range(count)])
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_title(_title(result, f"{result.peak_parallel_files} files at work at most"))
    if stages:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    return figure


def plot_outcomes(result: RunResult) -> Any:
    """How many files ended how."""
    counts = [(outcome, result.count(outcome)) for outcome in OUTCOMES if result.count(outcome)]
    figure, axes = new_figure(6, 1.2 + 0.4 * max(len(counts), 1))
    bars = axes.barh(
        [outcome for outcome, _ in counts],
        [count for _, count in counts],
        color=[_OUTCOME_COLORS[outcome] for outcome, _ in counts],
    )
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.1)
    _count(axes, "files")
    axes.set_title(_title(result, ""))
    return figure


def plot_codes(result: RunResult) -> Any:
    """How many findings of each code were fixed and left; the most frequent codes."""
    fixed = Counter(end.finding.code for end in result.findings if end.status == "fixed")
    left = Counter(end.finding.code for end in result.findings if end.is_left)
    codes = [code for code, _ in (fixed + left).most_common(_CODES)]
    figure, axes = new_figure(7, 1.4 + 0.3 * max(len(codes), 1))
    names = [worded(code) for code in codes]
    axes.barh(names, [fixed[code] for code in codes], color=_OUTCOME_COLORS["fixed"], label="fixed")
    axes.barh(
        names,
        [left[code] for code in codes],
        left=[fixed[code] for code in codes],
        color=_OUTCOME_COLORS["unfixed"],
        label="left",
    )
    _count(axes, "findings")
    axes.set_title(_title(result, ""))
    axes.legend(frameon=False)
    return figure


def _bars(
    axes: Any, spans: Sequence[tuple[int, float, float]], color: str, label: str, height: float = 0.8
) -> None:
    if spans:
        axes.barh(
            [lane for lane, _, _ in spans],
            [until - since for _, since, until in spans],
            left=[since for _, since, _ in spans],
            height=height,
            color=color,
            label=worded(label),
        )


def _count(axes: Any, what: str) -> None:
    """Bars from the top down, by whole numbers."""
    axes.invert_yaxis()
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel(what)


def _title(result: RunResult, more: str) -> str:
    return ": ".join(filter(None, (worded(result.pipeline, 40), more)))
