"""An experiment as tables: columns by their names, which frames and files are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

from stomper_sdk.experiments import Comparison, Measure
from stomper_sdk.laboratory import Experiment
from stomper_sdk.laboratory.trials import used_by
from stomper_sdk.look.frames import Columns, Library, framed

__all__ = ["KINDS", "Kind", "columns_of", "comparisons_told", "to_frame"]

Kind = Literal["variants", "codes", "files", "findings", "runs", "comparisons"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_COUNTS = ("attempts", "new_findings", "guard_rejections", "test_failures")
_ROW = ("findings", "files", "fixed", "rate", "low", "high")
_TAKEN = ("seconds", "tokens", "cost_usd", "seconds_per_fixed", "cost_per_fixed")
_TRIAL = ("variant", "repeat", "finding", "file", "code", "fixed", "seconds", "tokens", "cost_usd")
_COMPARISON = (
    *("a", "b", "measure", "difference", "low", "high", "p_value", "adjusted", "different", "method", "n"),
    *("n_files", "smallest_detectable", "design_effect", "discordance", "alpha", "family", "clear"),
)
_ALL_MEASURES: tuple[Measure, ...] = ("fixed", "cost_usd", "seconds", "tokens")


def to_frame(experiment: Experiment, kind: Kind = "variants", library: Library = "pandas") -> Any:
    """A table of the experiment.

    Args:
        experiment: what was tried.
        kind: `variants` (one that failed has a reason and no numbers), `codes`, `files`, `findings` (once for
            each time that a variant was tried on it), `runs`, or `comparisons` (of rates, costs, seconds and
            tokens, as far as they were told).
        library: `pandas` or `polars`.

    Raises:
        UsageError: there is no such table or library, or a library is not installed.
    """
    return framed(_TABLES, experiment, kind, library)


def columns_of(experiment: Experiment, kind: Kind) -> Columns:
    """The same as columns by their names."""
    return _TABLES[kind](experiment)


def comparisons_told(experiment: Experiment) -> Sequence[Comparison]:
    """Of each measure that was told of every variant, the comparisons of all pairs."""
    if not experiment.pairs():
        return ()
    found: list[Comparison] = []
    for measure in _ALL_MEASURES:
        told = {trial.variant for trial in experiment.trials if getattr(trial, measure) is not None}
        if all({a, b} <= told for a, b in experiment.pairs()):
            found += experiment.comparisons(measure)
    return found


def _variants(experiment: Experiment) -> Columns:
    rows = {table.variant: table.total for table in experiment.tables}
    return {
        "variant": [variant.name for variant in experiment.variants],
        "status": [variant.status for variant in experiment.variants],
        "reason": [variant.reason for variant in experiment.variants],
        **_picked([rows.get(variant.name) for variant in experiment.variants], (*_ROW, *_COUNTS, *_TAKEN)),
    }


def _codes(experiment: Experiment) -> Columns:
    rows = [(table.variant, row) for table in experiment.tables for row in table.codes]
    return {
        "variant": [variant for variant, _ in rows],
        "code": [row.name for _, row in rows],
        **_picked([row for _, row in rows], (*_ROW, *_TAKEN)),
    }


def _files(experiment: Experiment) -> Columns:
    rows = [(table.variant, row) for table in experiment.tables for row in table.files]
    of_file = tuple(name for name in _ROW if name != "files")
    return {
        "variant": [variant for variant, _ in rows],
        "file": [row.name for _, row in rows],
        **_picked([row for _, row in rows], (*of_file, *_COUNTS, *_TAKEN)),
    }


def _findings(experiment: Experiment) -> Columns:
    return _picked(experiment.trials, _TRIAL)


def _runs(experiment: Experiment) -> Columns:
    cells = [run.cell for run in experiment.runs]
    results = [run.result for run in experiment.runs]
    used = [used_by([it for file in result.files for it in file.attempts]) for result in results]
    return {
        **_picked(cells, ("variant", "repeat", "block", "number")),
        **_picked(results, ("session_id", "status")),
        "files": [len(result.files) for result in results],
        "fixed": [sum(file.fixed_count for file in result.files) for result in results],
        "left": [sum(file.remaining_count for file in result.files) for result in results],
        **_picked(results, ("duration_seconds", "peak_parallel_files")),
        **_picked(used, ("tokens", "cost_usd")),
    }


def _comparisons(experiment: Experiment) -> Columns:
    return _picked(comparisons_told(experiment), _COMPARISON)


def _picked(values: Sequence[Any], names: Sequence[str]) -> Columns:
    """Columns of some values; None is an empty row, and an interval stands in two columns."""
    return {name: [None if it is None else _value(it, name) for it in values] for name in names}


def _value(of: Any, name: str) -> Any:
    return getattr(of.interval if name in ("low", "high") else of, name)


_TABLES: Mapping[str, Callable[[Experiment], Columns]] = {
    "variants": _variants,
    "codes": _codes,
    "files": _files,
    "findings": _findings,
    "runs": _runs,
    "comparisons": _comparisons,
}
