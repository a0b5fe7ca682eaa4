"""A detached git worktree for each file.

`git worktree add` that runs beside another one in the same repository fails now and then, because each
reads the others' half-written entries. Here an entry is written aside, as gitrepository-layout(5)
describes it, and renamed into place whole, and out of it whole: nobody ever sees half of one, and no lock
is needed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk.clearing import clear_away
from stomper_sdk.errors import RepositoryError, WorkspaceError, machine_limits
from stomper_sdk.faults import point
from stomper_sdk.vcs.checkout import Checkout
from stomper_sdk.vcs.git import git, in_thread
from stomper_sdk.workspaces.base import EVERYTHING, Preparation, Scope, Workspace, prepare

__all__ = ["SCRATCH", "Worktrees", "sweep_worktrees"]

#: The folder, beside the worktrees, of what belongs to one but must not lie in its tree.
SCRATCH = "scratch"
_DRAFT = ".draft"
_CLEANUP_SECONDS = 60.0


@attrs.frozen
class Worktrees:
    """Lends worktrees of one repository.

    `common_dir` is the git folder that all its checkouts share, `folder` where the worktrees go.
    """

    common_dir: Path
    folder: Path
    preparation: Preparation

    @asynccontextmanager
    async def lend(self, name: str, base: str | None, scope: Scope = EVERYTHING) -> AsyncIterator[Workspace]:
        tree, scratch = self.folder / name, self.folder / SCRATCH / name
        try:
            yield await self._make(tree, scratch, base or "HEAD")
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(_CLEANUP_SECONDS):
                await in_thread(_take_down, self.common_dir, tree, scratch)

    async def _make(self, tree: Path, scratch: Path, base: str) -> Workspace:
        try:
            with machine_limits(permissions=True):
                await in_thread(_put_up, self.common_dir, tree, scratch, base)
        except (RepositoryError, OSError) as error:
            raise WorkspaceError(f"the worktree {tree.name} cannot be made: {error}") from error
        # Told where git keeps it, since an agent may rewrite or remove the tree's own `.git`.
        entry = self.common_dir / "worktrees" / tree.name
        links = self.preparation.links
        checkout = Checkout(tree, base, git_dir=entry, common_dir=self.common_dir, links=links)
        return await prepare(Workspace(tree, scratch, checkout, base), self.preparation)


def sweep_worktrees(common_dir: Path, folder: Path, prefix: str) -> int:
    """Remove the worktrees whose names begin so, also half of one; their number is returned."""
    names = set(_names(common_dir, folder, prefix))
    for name in names:
        _take_down(common_dir, folder / name, folder / SCRATCH / name)
    return len(names)


def _names(common_dir: Path, folder: Path, prefix: str) -> Iterator[str]:
    yield from (tree.name for tree in folder.glob(f"{prefix}*"))
    yield from (entry.name for entry in (common_dir / "worktrees").glob(f"{prefix}*"))
    yield from (draft.name.removesuffix(_DRAFT) for draft in common_dir.glob(f"{prefix}*{_DRAFT}"))


def _put_up(common_dir: Path, tree: Path, scratch: Path, base: str) -> None:
    scratch.mkdir(parents=True)
    entry, draft = common_dir / "worktrees" / tree.name, common_dir / f"{tree.name}{_DRAFT}"
    draft.mkdir()
    (draft / "HEAD").write_text(f"{base}\n")
    (draft / "commondir").write_text("../..\n")
    (draft / "gitdir").write_bytes(os.fsencode(tree / ".git") + b"\n")
    tree.mkdir()
    (tree / ".git").write_bytes(b"gitdir: " + os.fsencode(entry) + b"\n")
    _rename_into(draft, entry)
    point("worktree")
    git(tree, "read-tree", "-u", "--reset", base)


def _rename_into(draft: Path, entry: Path) -> None:
    while True:
        entry.parent.mkdir(exist_ok=True)
        # Whoever removes the last worktree removes the folder of them, maybe just now.
        with contextlib.suppress(FileNotFoundError):
            draft.rename(entry)
            return


def _take_down(common_dir: Path, tree: Path, scratch: Path) -> None:
    entry, draft = common_dir / "worktrees" / tree.name, common_dir / f"{tree.name}{_DRAFT}"
    with contextlib.suppress(FileNotFoundError):
        entry.rename(draft)
    point("removed")
    for folder in (draft, tree, scratch):
        clear_away(folder)
    with contextlib.suppress(OSError):
        entry.parent.rmdir()
