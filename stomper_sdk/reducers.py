"""Pure folds of one field of every file's result, in plan order.

Each takes the values of the files that `where` lets through, in plan order, and returns one value; of
no values it returns what the fold of nothing is: an empty collection, 0, or None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from stomper_sdk.errors import PipelineError, Problem, StageError
from stomper_sdk.model.pipeline import ReducerSpec
from stomper_sdk.model.result import FAILED, OUTCOMES, SUCCEEDED, FileResult
from stomper_sdk.options import nearest
from stomper_sdk.registry import Registry
from stomper_sdk.signatures import refusal

__all__ = ["FIELDS", "REDUCERS", "Reducer", "reduce_results", "resolve_reducers"]

Fold = Callable[[Sequence[Any]], Any]

#: The fields of a file's result that `from` may name.
NUMBERS = (
    "attempt_count",
    "duration_seconds",
    "fixed_count",
    "lines_added",
    "lines_removed",
    "new_count",
    "remaining_count",
    "suppressed_count",
)
FIELDS = (*NUMBERS, "commit", "fixed_codes", "notes", "outcome", "path", "reason", "tests")


@attrs.frozen
class Reducer:
    """A reducer whose names were all resolved."""

    name: str
    fold: Fold
    source: str
    where: frozenset[str]


def resolve_reducers(specs: Iterable[ReducerSpec]) -> tuple[Reducer, ...]:
    """Find each reducer's fold and field.

    Raises:
        PipelineError: folds or fields that there are not; it holds all of them.
    """
    reducers, problems = [], []
    for spec in specs:
        path = f"reducers.{spec.name}"
        if spec.source not in FIELDS:
            text = f"unknown field {spec.source!r} of a file's result"
            problems.append(Problem(text, f"{path}.from", suggestion=nearest(spec.source, FIELDS)))
        elif spec.reduce in ("sum", "mean") and spec.source not in NUMBERS:
            text = f"{spec.reduce} needs a number, and {spec.source!r} is none: {', '.join(NUMBERS)}"
            problems.append(Problem(text, f"{path}.from"))
        try:
            fold = REDUCERS.get(spec.reduce, f"{path}.reduce")
        except PipelineError as error:
            problems += error.problems
        else:
            wrong = refusal(fold, "values")
            if wrong:
                problems.append(Problem(f"{spec.reduce}: {wrong}", f"{path}.reduce"))
            reducers.append(Reducer(spec.name, fold, spec.source, _outcomes(spec.where)))
    if problems:
        raise PipelineError(problems)
    return tuple(reducers)


def reduce_results(reducers: Iterable[Reducer], results: Sequence[FileResult]) -> dict[str, Any]:
    """Fold the files' results, given in plan order, into one value a reducer.

    Raises:
        StageError: a reducer of the user's own raised.
    """
    return {reducer.name: _reduced(reducer, results) for reducer in reducers}


def _reduced(reducer: Reducer, results: Sequence[FileResult]) -> Any:
    values = [getattr(result, reducer.source) for result in results if result.outcome in reducer.where]
    try:
        return reducer.fold(values)
    # The fold may be anybody's code; the run's commits stand whatever it raises.
    except (Exception, SystemExit) as error:
        text = f"reducer {reducer.name!r} raised {type(error).__name__}: {error}"
        raise StageError(text) from error


def _outcomes(where: str) -> frozenset[str]:
    groups = {"succeeded": SUCCEEDED, "failed": FAILED, "any": frozenset(OUTCOMES)}
    return frozenset(groups.get(where, {where}))


def _append(values: Sequence[Any]) -> list[Any]:
    """Every value, in a list."""
    return list(values)


def _extend(values: Sequence[Iterable[Any]]) -> list[Any]:
    """Every item of every value, in one list."""
    return [item for value in values for item in value]


def _union(values: Sequence[Any]) -> list[Any]:
    """Each item once, in the order of first sight; a value that is no collection counts as one item."""
    return list(dict.fromkeys(item for value in values for item in _items(value)))


def _count(values: Sequence[Any]) -> int:
    """How many values are not null."""
    return sum(value is not None for value in values)


def _min(values: Sequence[Any]) -> Any:
    """The smallest value; null where there is none."""
    return min((value for value in values if value is not None), default=None)


def _max(values: Sequence[Any]) -> Any:
    """The largest value; null where there is none."""
    return max((value for value in values if value is not None), default=None)


def _mean(values: Sequence[float]) -> float | None:
    """The average of numbers; null where there are none."""
    return sum(values) / len(values) if values else None


def _tally(values: Sequence[Any]) -> dict[Any, int]:
    """How often each item occurs, the most frequent first, equals by name."""
    counts = Counter(item for value in values for item in _items(value))
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0]))))


def _merge(values: Sequence[Mapping[Any, Any]]) -> dict[Any, Any]:
    """All mappings in one; of equal keys the last one counts."""
    return {key: item for value in values for key, item in value.items()}


def _first(values: Sequence[Any]) -> Any:
    """The value of the first file in the plan; null where there is none."""
    return values[0] if values else None


def _last(values: Sequence[Any]) -> Any:
    """The value of the last file in the plan; null where there is none."""
    return values[-1] if values else None


def _sum(values: Sequence[float]) -> float:
    """The sum of numbers."""
    return sum(values)


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple | set | frozenset) else (value,)


REDUCERS: Registry[Fold] = Registry(
    "reducer",
    {
        name: f"{__name__}:_{name}"
        for name in (
            "append",
            "extend",
            "union",
            "count",
            "min",
            "max",
            "mean",
            "tally",
            "merge",
            "first",
            "last",
            "sum",
        )
    },
)
