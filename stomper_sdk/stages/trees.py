"""A pristine tree of the base commit, lent when tests must be compared with how they were."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from stomper_sdk.stages.base import Context
from stomper_sdk.workspaces.base import workspace_name

__all__ = ["BaseTree"]

_numbers = itertools.count(1)


@attrs.frozen
class BaseTree:
    """Lends fresh workspaces of one commit."""

    context: Context
    base: str | None

    @property
    def commit(self) -> str:
        return self.base or ""

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Path]:
        name = workspace_name(self.context.session.id, f"base-{next(_numbers)}")
        async with self.context.lender.lend(name, self.base) as workspace:
            yield workspace.path
