"""The contract of a workspace, and what every new one gets before it is lent."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path, PurePosixPath
from typing import ParamSpec, Protocol, TypeVar

import attrs

from stomper_sdk.errors import CommandError, RepositoryError, WorkspaceError, machine_limits
from stomper_sdk.process import run_command
from stomper_sdk.vcs.checkout import Checkout
from stomper_sdk.vcs.git import in_thread

__all__ = [
    "EVERYTHING",
    "Lender",
    "Preparation",
    "Scope",
    "Workspace",
    "furnish",
    "in_workspace",
    "prepare",
    "settled",
    "workspace_name",
]

P = ParamSpec("P")
T = TypeVar("T")

SETUP_SECONDS = 600.0


@attrs.frozen
class Workspace:
    """A tree to work in.

    `base` is the commit that it was made from, None where there is no repository; `scratch` is a folder
    beside it for caches and reports, gone with it.
    """

    path: Path
    scratch: Path
    checkout: Checkout
    base: str | None


@attrs.frozen
class Scope:
    """What a fix may touch: the task's own file, and whatever else `also` is true of, None for nothing."""

    path: str = ""
    also: Callable[[str], bool] | None = None


EVERYTHING = Scope(also=lambda path: True)


class Lender(Protocol):
    """Lends workspaces. What it lends is cleared away at the end of the block, whatever happens."""

    def lend(
        self, name: str, base: str | None, scope: Scope = EVERYTHING
    ) -> AbstractAsyncContextManager[Workspace]:
        """A workspace of that name, made from a commit; beyond the scope, it may be somebody else's.

        Raises:
            WorkspaceError: it cannot be made or prepared.
        """


@attrs.frozen
class Preparation:
    """What a new workspace gets from the user's tree, and the command run once in it.

    `copies` are ignored files, `links` folders, both relative to `source`.
    """

    source: Path
    copies: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()


async def in_workspace(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function on a workspace's checkout in a thread.

    Raises:
        WorkspaceError: git cannot work there any more: the agent has broken the checkout.
        MachineError: the disk is full, or the like.
    """
    try:
        with machine_limits():
            return await in_thread(function, *args, **kwargs)
    except (RepositoryError, OSError) as error:
        raise WorkspaceError(f"the workspace cannot be read any more: {error}") from error


def workspace_name(session_id: str, path: str) -> str:
    """Unique for each path of a session: two files may share a stem."""
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", PurePosixPath(path).stem)[:40].strip("-") or "file"
    return f"{session_id}_{stem}_{digest}"


async def prepare(workspace: Workspace, preparation: Preparation) -> Workspace:
    """Copy, link and set up; changes are told against the tree as it is afterwards.

    Raises:
        WorkspaceError: the setup command failed.
    """
    if preparation.copies or preparation.links:
        await in_thread(furnish, workspace.path, preparation)
    if preparation.setup:
        await _run_setup(workspace.path, preparation.setup)
        workspace = await settled(workspace)
    checkout = workspace.checkout
    if preparation != Preparation(preparation.source):
        checkout = attrs.evolve(checkout, known=await in_thread(checkout.ignored))
    checkout = attrs.evolve(checkout, first=await in_thread(checkout.files))
    return attrs.evolve(workspace, checkout=checkout)


async def settled(workspace: Workspace) -> Workspace:
    """The workspace, its changes told against the tree as it is now."""
    tree = await in_workspace(workspace.checkout.tree)
    return attrs.evolve(workspace, checkout=attrs.evolve(workspace.checkout, start=tree))


def furnish(root: Path, preparation: Preparation) -> None:
    """Copy and link into a new tree what it gets from the user's."""
    for path in preparation.copies:
        target = root / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(preparation.source / path, target, follow_symlinks=False)
    for path in preparation.links:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(preparation.source / path)


async def _run_setup(root: Path, setup: tuple[str, ...]) -> None:
    try:
        done = await run_command(setup, cwd=root, timeout=SETUP_SECONDS)
    except CommandError as error:
        raise WorkspaceError(f"workspace.setup: {error.message}", error.hint) from error
    if done.exit_code != 0:
        said = (done.error_text.strip() or done.text.strip())[-1000:]
        raise WorkspaceError(f"workspace.setup: {setup[0]} {done.ending}: {said}")
