"""What is looked at once, when every file has ended: the whole suite, and what fixes did to other files."""

from __future__ import annotations

import attrs

from stomper_sdk.stages.base import Context, RunState
from stomper_sdk.stages.trees import BaseTree
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import workspace_name

__all__ = ["close_run"]


async def close_run(state: RunState, context: Context) -> RunState:
    """Run the final tests where the pipeline asks for them."""
    mode = context.pipeline.test_validation.mode
    if mode != "final" or context.tests is None or not any(result.commit for result in state.results):
        return state
    head = await in_thread(context.repo().tip, context.commits_to())
    name = workspace_name(context.session.id, "final")
    changed = [result.path for result in state.results if result.commit]
    async with context.lender.lend(name, head) as workspace:
        base = BaseTree(context, context.base_commit)
        tests = await context.tests.validate(workspace.path, changed, mode="full", base=base)
    return attrs.evolve(state, tests=tests)
