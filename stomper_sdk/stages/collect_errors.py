from __future__ import annotations

import attrs
import trio

from stomper_sdk.errors import CheckError
from stomper_sdk.events import Notice, PlanMade
from stomper_sdk.model.evidence import View
from stomper_sdk.stages.base import Context, RunState, define_stage
from stomper_sdk.stages.looking import look_everywhere
from stomper_sdk.stages.planning import Surroundings, make_plan
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository
from stomper_sdk.workspaces.base import in_workspace, workspace_name

__all__ = ["collect_errors"]

_IN_A_WORKSPACE = (
    "That was in a fresh checkout of the commit. "
    "If it works in your tree: what does a workspace lack (workspace.include, link, setup)?"
)


@define_stage("collect_errors", block="run", needs=["session"], gives=["plan"])
async def collect_errors(state: RunState, context: Context) -> RunState:
    """Find what there is to fix, and plan it file by file.

    The checks look twice: at the user's tree, and at a fresh workspace of the commit that fixes start
    from. Only what both report is fixed; what settings or files outside the commit bring about could
    never be verified in a workspace.

    Raises:
        CheckError: a check crashed.
        WorkspaceError: no workspace can be made.
    """
    looks: dict[str, View] = {}
    surroundings = Surroundings()
    unsettled: frozenset[str] = frozenset()

    async def in_tree() -> None:
        cache = context.session.workspaces / "tree-cache"
        looks["tree"] = await look_everywhere(
            context.checks, context, context.root, cache, context.warm, confined=False
        )

    async def in_base() -> None:
        nonlocal unsettled
        name = workspace_name(context.session.id, "base")
        async with context.lender.lend(name, context.base_commit) as workspace:
            unsettled = await in_workspace(workspace.checkout.unsettled)
            cache, checks = workspace.scratch / "cache", context.checks
            try:
                looks["base"] = await look_everywhere(
                    checks,
                    context,
                    workspace.path,
                    cache,
                    context.warm,
                    context.base_commit,
                    publish=True,
                )
            except CheckError as error:
                error.hint = error.hint or _IN_A_WORKSPACE
                raise

    async def around() -> None:
        nonlocal surroundings
        surroundings = await in_thread(_surroundings, context.repo(), context.pipeline.files.since)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_tree)
        if context.repository is not None:
            nursery.start_soon(in_base)
            nursery.start_soon(around)
    base = looks.get("base", looks["tree"])
    surroundings = attrs.evolve(surroundings, unsettled=unsettled)
    plan = make_plan(context, looks["tree"].findings, base.findings, surroundings)
    plan = attrs.evolve(plan, evidence=base.evidence, tree_evidence=looks["tree"].evidence)
    context.emit(PlanMade(context.clock(), plan))
    for text in plan.notices:
        context.emit(Notice(context.clock(), text))
    return attrs.evolve(state, plan=plan, notices=(*state.notices, *plan.notices))


def _surroundings(repository: Repository, since: str | None) -> Surroundings:
    return Surroundings(
        dirty=repository.status().dirty,
        tracked=repository.tracked_files(),
        left_out=repository.left_out(),
        since=None if since is None else repository.changed_since(since),
    )
