"""How much faster more files at work make a run: measured, beside what could be hoped for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.laboratory import Experiment
from stomper_sdk.look.drawing import BLUE, GREY, new_figure, worded
from stomper_sdk.model.result import RunResult
from stomper_sdk.model.span import WHOLE

__all__ = ["Speed", "plot_speedup", "speeds_of"]

_KEY = "parallelism.max_parallel_files"


@attrs.frozen
class Speed:
    """With so many files at work at most: as many were (`peak`), and the seconds of each repeat."""

    limit: int
    peak: int
    seconds: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.seconds) / len(self.seconds)


def speeds_of(experiment: Experiment) -> Sequence[Speed]:
    """What each variant took from the start of its first file to the end of its last, the narrowest first.

    Raises:
        UsageError: the variants do not differ in how many files are at work, and in nothing else; or fewer
            than two of them came to their end; or one kept no times.
    """
    agents = {variant.functions for variant in experiment.variants}
    if len(agents) > 1 or any(set(variant.overrides) != {_KEY} for variant in experiment.variants):
        text = f"a speed-up is of variants that differ in {_KEY}, and in nothing else"
        raise UsageError(text, f'Give matrix={{"{_KEY}": [1, 2, 4, 8]}}.')
    speeds = []
    for variant in experiment.variants:
        if variant.status == "completed":
            runs = [experiment.results(variant.name, repeat) for repeat in range(experiment.repeats)]
            peak = max(result.peak_parallel_files for results in runs for result in results)
            seconds = tuple(sum(map(_seconds, results)) for results in runs)
            speeds.append(Speed(int(variant.overrides[_KEY]), peak, seconds))
    if len(speeds) < 2:
        raise UsageError("a speed-up needs two variants that came to their end", _reasons(experiment))
    return sorted(speeds, key=lambda speed: speed.limit)


def plot_speedup(experiment: Experiment) -> Any:
    """How many times as fast as the narrowest variant each was, beside the ideal; with the peak seen.

    Ideal is as many times as fast as files may be at work, up to all of them. Several repeats show their mean
    and their range.
    """
    speeds = speeds_of(experiment)
    base, files = speeds[0], len(experiment.tasks)
    limits = [speed.limit for speed in speeds]
    ideal = [min(limit, files) / min(base.limit, files) for limit in limits]
    measured = [base.mean / speed.mean for speed in speeds]
    figure, axes = new_figure(7, 4.6)
    axes.plot(limits, ideal, color=GREY, linestyle="--", marker=".", label="ideal")
    axes.plot(limits, measured, color=BLUE, marker="o", linewidth=2, label="measured")
    if experiment.repeats > 1:
        slowest = [base.mean / max(speed.seconds) for speed in speeds]
        fastest = [base.mean / min(speed.seconds) for speed in speeds]
        axes.vlines(limits, slowest, fastest, color=BLUE, linewidth=5, alpha=0.35, label="range of repeats")
    for speed, times in zip(speeds, measured, strict=True):
        told = f"{times:.2f}x, {speed.mean:.3g} s\npeak {speed.peak}"
        axes.annotate(
            told,
            (speed.limit, times),
            xytext=(6, -4),
            textcoords="offset points",
            va="top",
            fontsize="x-small",
        )
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(limits, map(str, limits))
    axes.set_yticks(ideal, [f"{it:.3g}x" for it in ideal])
    axes.minorticks_off()
    axes.set_ylim(min(*measured, 1) / 1.6, max(*ideal, *measured) * 1.3)
    axes.set_xlim(limits[0] / 1.15, limits[-1] * 1.5)
    axes.set_xlabel("files at work at most")
    axes.set_ylabel(f"times as fast as {base.limit} at once")
    axes.set_title(f"{worded(experiment.name, 40)}: {files} files")
    axes.legend(frameon=False, loc="upper left")
    return figure


def _seconds(result: RunResult) -> float:
    whole = [span for span in result.spans if span.stage == WHOLE]
    if not whole:
        raise UsageError(f"run {result.session_id} kept no times of its files")
    return max(span.until for span in whole) - min(span.since for span in whole)


def _reasons(experiment: Experiment) -> str:
    lost = [it for it in experiment.variants if it.status != "completed"]
    return "; ".join(worded(f"{it.name}: {it.reason or it.status}", 120) for it in lost)
