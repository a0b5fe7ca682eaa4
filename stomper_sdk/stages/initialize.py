from __future__ import annotations

import attrs
import trio

from stomper_sdk.checks.base import Check, Tree
from stomper_sdk.stages.base import Context, RunState, define_stage

__all__ = ["initialize"]


@define_stage("initialize", block="run", gives=["session"])
async def initialize(state: RunState, context: Context) -> RunState:
    """See that every check is there, before anything is done.

    Raises:
        CheckError: a check's program is missing.
    """
    versions: dict[str, str] = {}
    tree = Tree(context.root, context.session.workspaces / "tree-cache")

    async def ask(check: Check) -> None:
        versions[check.name] = await check.version(tree)

    async with trio.open_nursery() as nursery:
        for check in context.checks:
            nursery.start_soon(ask, check)
    return attrs.evolve(state, checks={check.name: versions[check.name] for check in context.checks})
