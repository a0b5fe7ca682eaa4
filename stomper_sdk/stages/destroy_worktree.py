from __future__ import annotations

import attrs

from stomper_sdk.stages.base import Context, FileState, define_stage

__all__ = ["destroy_worktree"]


@define_stage("destroy_worktree", block="file", needs=["workspace"], takes=["workspace", "diff"])
async def destroy_worktree(state: FileState, context: Context) -> FileState:
    """Give the workspace back now; without this stage it goes when the file ends."""
    await context.stack.aclose()
    return attrs.evolve(state, workspace=None)
