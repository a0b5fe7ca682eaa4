"""A detached git worktree for each file.

`git worktree add` that runs beside another one in the same repository fails now and then, so adding and
removing go through one lock; filling the tree with files, the longer part, does not.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.errors import RepositoryError, WorkspaceError
from stomper_sdk.vcs.checkout import Checkout
from stomper_sdk.vcs.git import GitError, git, in_thread
from stomper_sdk.vcs.locks import SharedLock
from stomper_sdk.workspaces.base import Preparation, Workspace, prepare

__all__ = ["SCRATCH", "Worktrees", "remove_worktree"]

#: The folder, beside the worktrees, of what belongs to one but must not lie in its tree.
SCRATCH = "scratch"
_CLEANUP_SECONDS = 60.0
_ADD = ("worktree", "add", "--quiet", "--detach", "--no-checkout")


@attrs.frozen
class Worktrees:
    """Lends worktrees of one repository under one folder.

    `repository` is the top of the user's checkout, `folder` where the worktrees go, `admin` the lock
    around adding and removing.
    """

    repository: Path
    folder: Path
    admin: SharedLock
    preparation: Preparation

    @asynccontextmanager
    async def lend(self, name: str, base: str | None) -> AsyncIterator[Workspace]:
        tree, scratch = self.folder / name, self.folder / SCRATCH / name
        try:
            yield await self._make(tree, scratch, base or "HEAD")
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(_CLEANUP_SECONDS):
                async with self.admin.hold():
                    await in_thread(remove_worktree, self.repository, tree)
                await in_thread(shutil.rmtree, scratch, ignore_errors=True)

    async def _make(self, tree: Path, scratch: Path, base: str) -> Workspace:
        try:
            await in_thread(scratch.mkdir, parents=True)
            async with self.admin.hold():
                await in_thread(git, self.repository, *_ADD, str(tree), base)
            await in_thread(git, tree, "reset", "--hard", "--quiet")
        except (RepositoryError, OSError) as error:
            raise WorkspaceError(f"the worktree {tree.name} cannot be made: {error}") from error
        checkout = Checkout(tree, base, ignored=self.preparation.links)
        return await prepare(Workspace(tree, scratch, checkout, base), self.preparation)


def remove_worktree(repository: Path, tree: Path) -> None:
    """Remove a worktree, also half of one; the caller holds the admin lock."""
    try:
        git(repository, "worktree", "remove", "--force", "--force", str(tree))
    except GitError:
        # Never registered, or its .git file is gone: what is left is a folder and a stale entry.
        shutil.rmtree(tree, ignore_errors=True)
        git(repository, "worktree", "prune")
