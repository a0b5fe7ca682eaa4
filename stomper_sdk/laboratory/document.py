"""An experiment as a document for programs, as `schema/experiment-result.schema.json` tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs

from stomper_sdk.experiments import Comparison, Decision, Measure, Row, Table
from stomper_sdk.experiments.trial import MEASURES
from stomper_sdk.model.present import plain

if TYPE_CHECKING:
    from stomper_sdk.laboratory.experiment import Experiment, TriedVariant

__all__ = ["compared", "experiment_to_dict"]

_KEYS = (
    *("id", "name", "pipeline", "repo", "base_commit", "status", "exit_code", "duration_seconds"),
    *("peak_parallel_files", "against", "repeats", "sample", "available", "finding_count", "seed", "stop"),
)


def experiment_to_dict(experiment: Experiment) -> dict[str, Any]:
    """The document; keys are added, never renamed.

    Raises:
        UsageError: what computes is not installed.
    """
    tables = {table.variant: table for table in experiment.tables}
    return {
        "version": 1,
        **{key: plain(getattr(experiment, key)) for key in _KEYS},
        "variants": [_variant(it, tables.get(it.name)) for it in experiment.variants],
        "comparisons": [_comparison(it) for measure in MEASURES for it in compared(experiment, measure)],
        "decisions": [_decision(it) for it in experiment.decisions],
        "spent": plain(experiment.spent),
        "notices": list(experiment.notices),
    }


def compared(experiment: Experiment, measure: Measure = "fixed") -> Sequence[Comparison]:
    """The comparisons of which there is anything to say: none where no two variants share a finding.

    Raises:
        UsageError: what computes is not installed.
    """
    seen: dict[str, set[str]] = {}
    for trial in experiment.trials:
        if getattr(trial, measure) is not None:
            seen.setdefault(trial.variant, set()).add(trial.finding)
    shared = any(seen.get(a, set()) & seen.get(b, set()) for a, b in experiment.pairs())
    return experiment.comparisons(measure) if shared else ()


def _variant(variant: TriedVariant, table: Table | None) -> dict[str, Any]:
    return {
        **{field.name: plain(getattr(variant, field.name)) for field in attrs.fields(type(variant))},
        "total": _row(table.total) if table else None,
        "codes": [_row(row) for row in table.codes] if table else [],
        "files": [_row(row) for row in table.files] if table else [],
    }


def _row(row: Row) -> dict[str, Any]:
    derived = ("rate", "seconds_per_fixed", "cost_per_fixed")
    return {**plain(row), **{key: plain(getattr(row, key)) for key in derived}}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    told = {key: value for key, value in plain(comparison).items() if key != "said"}
    return {**told, "different": comparison.different, "text": comparison.text}


def _decision(decision: Decision) -> dict[str, Any]:
    return {**plain(decision), "text": decision.text}
