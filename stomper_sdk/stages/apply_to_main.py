from __future__ import annotations

import attrs

from stomper_sdk.stages.base import Context, FileState, define_stage
from stomper_sdk.vcs.git import in_thread

__all__ = ["apply_to_main"]


@define_stage("apply_to_main", block="file", scope="main", needs=["diff"], gives=["applied"], takes=["diff"])
async def apply_to_main(state: FileState, context: Context) -> FileState:
    """Put the fix on top of the target's end. The user's files move with the branch, at the commit.

    Raises:
        ConflictError: the target has changed one of the files since the workspace was made.
        RepositoryError: the repository's settings were changed since the run began.
    """
    if not state.fix:
        return state
    await in_thread(context.repo().check_settings)
    applied = await in_thread(context.repo().apply, context.commits_to(), state.fix)
    return attrs.evolve(state, applied=applied)
