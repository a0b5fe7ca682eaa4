from __future__ import annotations

import attrs

from stomper_sdk.stages.base import Context, FileState, define_stage

__all__ = ["extract_diff"]


@define_stage("extract_diff", block="file", needs=["workspace", "verified"], gives=["diff"])
async def extract_diff(state: FileState, context: Context) -> FileState:
    """Take the best attempt's exact changes, as they were when they were verified, for the target.

    What tests or later stages dropped into the workspace is not among them.
    """
    return attrs.evolve(state, fix=state.best.changes) if state.best else state
