"""What Python asks of an experiment may be anything: told before anything is tried, not when it is kept."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from stomper_sdk.errors import UsageError
from stomper_sdk.model.experiment import ExperimentSpec

__all__ = ["checked"]

_LEAST = {"repeats": 1, "sample": 0, "seed": 0, "max_variants": 2}


def checked(spec: ExperimentSpec) -> ExperimentSpec:
    """The experiment with values of the types that it says.

    Raises:
        UsageError: it has others.
    """
    for key in ("name", "against"):
        value = getattr(spec, key)
        if not isinstance(value, str) and not (key == "against" and value is None):
            raise _refused(key, value, "text")
    if spec.stop not in ("never", "sequential"):
        raise UsageError(f"stop is {spec.stop!r}: there are never and sequential")
    _check_named("variants", spec.variants)
    for name, overrides in spec.variants.items():
        _check_named(f"variants: {name}", overrides)
    _check_named("overrides", spec.overrides)
    numbers: dict[str, Any] = {key: _number(key, getattr(spec, key)) for key in _LEAST}
    return attrs.evolve(spec, matrix=_listed(spec.matrix), **numbers)


def _listed(matrix: Any) -> Mapping[str, tuple[Any, ...]]:
    _check_named("matrix", matrix)
    for key, values in matrix.items():
        if isinstance(values, str | Mapping) or not isinstance(values, Iterable):
            raise _refused(f"matrix: {key}", values, "a list of the values to try")
    return {key: tuple(values) for key, values in matrix.items()}


def _check_named(key: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise _refused(key, value, "a mapping")
    for name in value:
        if not isinstance(name, str):
            raise _refused(f"a key of {key}", name, "text")


def _number(key: str, value: Any) -> int:
    """A whole number, of Python or of numpy."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise _refused(key, value, "a whole number")
    number = operator.index(value)
    if number < _LEAST[key]:
        raise UsageError(f"{key} is {number}: it must be {_LEAST[key]} or more")
    return number


def _refused(key: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{key} is {value!r:.60}: it must be {wanted}")
