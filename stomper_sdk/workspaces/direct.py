"""The user's own folder as workspace, for folders that are no repository.

A repository of our own, kept outside the folder, remembers how it was: that tells the changes and brings
the files back where a fix failed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.errors import RepositoryError, WorkspaceError
from stomper_sdk.vcs.checkout import Change, Checkout
from stomper_sdk.vcs.git import git, in_thread
from stomper_sdk.workspaces.base import Workspace

__all__ = ["MEMORY", "Direct", "remember"]

#: The name of the repository that remembers.
MEMORY = "memory.git"

_CLEANUP_SECONDS = 60.0
_IDENTITY = ("-c", "user.name=stomper", "-c", "user.email=stomper@localhost")


@attrs.frozen
class Direct:
    """Lends the folder itself, one task at a time; what is not kept when the block ends is undone."""

    folder: Path
    memory: Path
    scratch: Path
    _turn: trio.Lock = attrs.field(factory=trio.Lock)

    @asynccontextmanager
    async def lend(self, name: str, base: str | None) -> AsyncIterator[Workspace]:
        async with self._turn:
            scratch = self.scratch / name
            scratch.mkdir(parents=True, exist_ok=True)
            checkout = Checkout(self.folder, "HEAD", git_dir=self.memory)
            try:
                yield Workspace(self.folder, scratch, checkout, base)
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(_CLEANUP_SECONDS):
                    await in_thread(checkout.restore)

    @asynccontextmanager
    async def before(self, changes: Sequence[Change]) -> AsyncIterator[Path]:
        """Lend the folder, lent already, as it was before the changes at work; they come back afterwards."""
        checkout = Checkout(self.folder, "HEAD", git_dir=self.memory)
        try:
            await in_thread(checkout.restore)
            yield self.folder
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(_CLEANUP_SECONDS):
                await in_thread(checkout.restore, changes)

    async def keep(self, changes: Sequence[Change], message: str) -> None:
        """Let the folder with these changes be what it goes back to from now on."""
        checkout = Checkout(self.folder, "HEAD", git_dir=self.memory)
        with trio.CancelScope(shield=True):
            await in_thread(checkout.restore, changes)
            await in_thread(_commit, checkout, message)


def remember(folder: Path, memory: Path) -> None:
    """Make the repository that remembers how a folder was.

    Raises:
        WorkspaceError: git cannot read or keep the folder's files.
    """
    try:
        git(folder, "init", "--quiet", "--bare", str(memory))
        (memory / "info").mkdir(exist_ok=True)
        (memory / "info" / "exclude").write_text(".git\n.stomper/\n")
        _commit(Checkout(folder, "HEAD", git_dir=memory), "as it was")
    except (RepositoryError, OSError) as error:
        raise WorkspaceError(f"the folder {folder} cannot be remembered: {error}") from error


def _commit(checkout: Checkout, message: str) -> None:
    where = (f"--git-dir={checkout.git_dir}", f"--work-tree={checkout.root}")
    git(checkout.root, *where, "add", "--all", "--", ".")
    git(checkout.root, *_IDENTITY, *where, "commit", "--quiet", "--allow-empty", "--no-verify", "-m", message)
