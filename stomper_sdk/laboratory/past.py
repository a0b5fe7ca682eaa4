"""Two runs of the past side by side, on the findings that both had."""

from __future__ import annotations

import os
from collections.abc import Sequence

from stomper_sdk.api.history import load_run
from stomper_sdk.api.starting import Folder, absolute, checkout_of
from stomper_sdk.errors import UsageError
from stomper_sdk.experiments import Comparison, Measure
from stomper_sdk.experiments import compare as compare_trials
from stomper_sdk.journal.session import session_folder
from stomper_sdk.journal.unfinished import read_unfinished
from stomper_sdk.laboratory.trials import by_likeness, by_place, trials_of
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.result import RunResult

__all__ = ["compare"]


def compare(
    a: str | RunResult,
    b: str | RunResult,
    *,
    repo: Folder = ".",
    measure: Measure = "fixed",
    alpha: float = 0.05,
) -> Comparison:
    """How much one run gave more than another, on the findings that both had, and how surely.

    Runs from different commits are compared where a finding stands in the same text. The runs were not made
    by chance, nor at the same time: what differed between them beside the pipeline may be the cause, too.

    Args:
        a: a result, or a run by its session's id, by a part that no other has, or `last`.
        b: another.
        repo: where they were made: the checkout's folder, or any folder in it; of a result, its own counts.
        measure: `fixed` for the rate of fixed findings; `cost_usd`, `seconds` or `tokens` of a finding.
        alpha: how often two equal runs may be told apart.

    Raises:
        UsageError: there is no such run, both are the same, they share no finding, or scipy is not installed.
        StomperError: what was kept of one cannot be read.
    """
    first, second = (run if isinstance(run, RunResult) else load_run(run, repo) for run in (a, b))
    if first.session_id == second.session_id:
        raise UsageError(f"{first.session_id} cannot be compared with itself")
    named = by_place if first.base_commit == second.base_commit else by_likeness
    trials = [
        list(trials_of(result, _tasks(result), result.session_id, named=named)) for result in (first, second)
    ]
    for result, seen in zip((first, second), trials, strict=True):
        if not seen:
            raise UsageError(f"{result.session_id} has tried to fix nothing")
    return compare_trials(*trials, measure=measure, alpha=alpha)


def _tasks(result: RunResult) -> Sequence[FileTask]:
    """What the run was going to do, as its journal tells it."""
    with checkout_of(absolute(os.fspath(result.repo))) as (root, _):
        past = read_unfinished(session_folder(root, result.session_id))
    return past.plan.tasks if past.plan else ()
