"""What an experiment is asked for: variants of a pipeline, to be tried on the same findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

__all__ = ["ALPHA", "ExperimentSpec", "ExperimentStatus", "Stop", "VariantSpec", "VariantStatus"]

Stop = Literal["never", "sequential"]
#: How often equal variants may be told apart in a sequential experiment, over all pairs and looks.
ALPHA = 0.05
#: `decided`: stopped early, since the answer was clear; `stopped`: by the budget; `died`: nobody knows why.
ExperimentStatus = Literal["completed", "decided", "stopped", "cancelled", "died"]
VariantStatus = Literal["completed", "failed", "stopped", "unfinished"]


@attrs.frozen
class VariantSpec:
    """A variant by its name: dotted overrides of the pipeline, `functions` the agents that Python gives."""

    name: str
    overrides: Mapping[str, Any] = attrs.field(factory=dict)
    functions: tuple[str, ...] = ()


@attrs.frozen
class ExperimentSpec:
    """An experiment as declared; the defaults here are the language's.

    `pipeline` is what `run` takes, `overrides` hold for every variant. Each combination of the values of
    `matrix` is a variant, and so is each of `variants`. `against` names the one that the others are compared
    with; without, all are compared with each other. `sample` is how many findings are tried, 0 for all.
    `checks` and `codes` narrow these. `places` says where each dotted path stands (`file:line:column`).
    """

    pipeline: Any = None
    name: str = "experiment"
    overrides: Mapping[str, Any] = attrs.field(factory=dict)
    matrix: Mapping[str, Sequence[Any]] = attrs.field(factory=dict)
    variants: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    against: str | None = None
    repeats: int = 1
    sample: int = 0
    seed: int = 0
    stop: Stop = "never"
    max_variants: int = 64
    checks: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    places: Mapping[str, str] = attrs.field(factory=dict, repr=False, eq=False)
