from __future__ import annotations

import attrs

from stomper_sdk.faults import point
from stomper_sdk.journal.records import Landing
from stomper_sdk.stages.base import Context, FileState, define_stage
from stomper_sdk.stages.hooks import run_commit_hooks, run_post_commit
from stomper_sdk.stages.landing import land
from stomper_sdk.stages.message import commit_message
from stomper_sdk.vcs.git import in_thread

__all__ = ["commit_in_main"]


@define_stage(
    "commit_in_main", block="file", scope="main", needs=["applied"], gives=["commit"], takes=["applied"]
)
async def commit_in_main(state: FileState, context: Context) -> FileState:
    """Commit what was applied, after the repository's own hooks have had their say.

    Raises:
        ConflictError: the target moved, or the user is changing the file at this moment.
        RefusedError: a hook refused the commit.
    """
    applied = state.applied
    if applied is None:
        return state
    spec, message = context.pipeline.apply.commit, commit_message(state, context)
    if spec.hooks == "run":
        message = await run_commit_hooks(state, context, message)
    commit = await in_thread(context.repo().draft, applied, message, sign=spec.sign)
    point("objects")
    state = attrs.evolve(state, commit=commit)
    landing = Landing(
        applied.parent, commit, state.task.path, context.outcome(state) if context.outcome else None
    )
    await in_thread(land, landing, context)
    if spec.hooks == "run":
        await run_post_commit(context)
    return state
