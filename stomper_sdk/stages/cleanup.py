from __future__ import annotations

from stomper_sdk.stages.base import Context, RunState, define_stage
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.worktree import sweep_worktrees

__all__ = ["cleanup"]


@define_stage("cleanup", block="run", needs=["session"])
async def cleanup(state: RunState, context: Context) -> RunState:
    """Remove what the run may still hold: a workspace whose own removal ran out of time."""
    if context.repository is not None:
        session = context.session
        await in_thread(sweep_worktrees, context.repository.common_dir, session.workspaces, f"{session.id}_")
    return state
