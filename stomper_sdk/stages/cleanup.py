from __future__ import annotations

from stomper_sdk.stages.base import Context, RunState, define_stage
from stomper_sdk.vcs.git import in_thread

__all__ = ["cleanup"]


@define_stage("cleanup", block="run", needs=["session"])
async def cleanup(state: RunState, context: Context) -> RunState:
    """Remove a branch that got no commit. Workspaces are gone already: each goes with its file."""
    target = context.target
    if target is not None and not target.checked_out and context.base_commit is not None:
        tip = await in_thread(context.repo().tip_or_none, target)
        if tip == context.base_commit:
            await in_thread(context.repo().remove_branch, target, tip)
    return state
