"""A pristine tree of the base commit, lent when tests must be compared with how they were."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from stomper_sdk.stages.base import Context
from stomper_sdk.vcs.checkout import Change
from stomper_sdk.workspaces.base import workspace_name
from stomper_sdk.workspaces.direct import Direct

__all__ = ["BaseTree"]

_numbers = itertools.count(1)


@attrs.frozen
class BaseTree:
    """Lends fresh workspaces of one commit, or the user's own folder without the `changes` at work there."""

    context: Context
    base: str | None
    changes: Sequence[Change] = ()

    @property
    def commit(self) -> str:
        return self.base or ""

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Path]:
        if isinstance(self.context.lender, Direct):
            async with self.context.lender.before(self.changes) as folder:
                yield folder
            return
        name = workspace_name(self.context.session.id, f"base-{next(_numbers)}")
        async with self.context.lender.lend(name, self.base) as workspace:
            yield workspace.path
