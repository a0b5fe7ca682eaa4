from __future__ import annotations

import attrs

from stomper_sdk.reducers import reduce_results, resolve_reducers
from stomper_sdk.stages.base import Context, RunState, define_stage

__all__ = ["aggregate_results"]


@define_stage("aggregate_results", block="run", needs=["results"], gives=["reduced"])
async def aggregate_results(state: RunState, context: Context) -> RunState:
    """Fold the files' results, in plan order, into the values that the pipeline names.

    Raises:
        StageError: a reducer of the user's own raised.
    """
    reducers = resolve_reducers(context.pipeline.reducers)
    return attrs.evolve(state, reducers=reduce_results(reducers, state.results))
