from __future__ import annotations

import attrs

from stomper_sdk.stages.base import Context, FileState, Verdict, define_stage
from stomper_sdk.stages.trees import BaseTree
from stomper_sdk.validation import TestVerdict

__all__ = ["run_tests"]


@define_stage("run_tests", block="attempt", needs=["verified"], gives=["tested"])
async def run_tests(state: FileState, context: Context) -> FileState:
    """Run the tests that the mode asks for in the workspace, with the fix in it."""
    mode = context.pipeline.test_validation.mode
    if context.tests is None or mode not in ("full", "quick"):
        return state
    trial, workspace = state.at_work(), state.lent()
    base = BaseTree(context, workspace.base, trial.changes)
    changed = [change.path for change in trial.changes]
    tests = await context.tests.validate(workspace.path, changed, mode=mode, base=base)
    reason = _reason(tests).replace(f"{workspace.path}/", "")
    verdict = Verdict("tests_failed", reason) if tests.refuses else None
    return attrs.evolve(state, trial=attrs.evolve(trial, tests=tests, verdict=verdict))


def _reason(tests: TestVerdict) -> str:
    failures = "\n".join(f"{failure.nodeid}: {failure.message}" for failure in tests.failures[:10])
    return f"{tests.summary}\n{failures}".strip()
