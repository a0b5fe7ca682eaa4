"""What a repository would tell a tool to do is not there while the tool works.

Tools start programs and servers, load plug-ins, and send keys elsewhere because files in their working
directory say so. Where a tool cannot be told to leave those alone, they are put aside for the job.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PurePosixPath

import trio

from stomper_sdk.clearing import clear_away
from stomper_sdk.errors import AgentError

__all__ = ["withheld"]


@contextlib.asynccontextmanager
async def withheld(workspace: Path, names: Sequence[str], path: str) -> AsyncIterator[None]:
    """Put files and folders aside, and back as they were; what has come in their place by then is dropped.

    A workspace that is no worktree is somebody's own folder, and left as it is.

    Args:
        workspace: where they are.
        names: what they are called there.
        path: the file that is to be fixed.

    Raises:
        AgentError: the file that is to be fixed is one of them.
    """
    if not (workspace / ".git").is_file():
        yield
        return
    for name in names:
        if PurePosixPath(path).is_relative_to(name):
            raise AgentError(f"{path} would tell the tool itself what to do, so it is not given that file")
    aside = await trio.to_thread.run_sync(_put_aside, workspace, names)
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(_put_back, workspace, names, aside)


def _put_aside(workspace: Path, names: Sequence[str]) -> Path:
    aside = Path(tempfile.mkdtemp(prefix="stomper-aside-"))
    for name in names:
        if os.path.lexists(workspace / name):
            shutil.move(workspace / name, aside / name)
    return aside


def _put_back(workspace: Path, names: Sequence[str], aside: Path) -> None:
    for name in names:
        place = workspace / name
        if place.is_dir() and not place.is_symlink():
            clear_away(place)
        else:
            place.unlink(missing_ok=True)
        if os.path.lexists(aside / name):
            shutil.move(aside / name, place)
    clear_away(aside)
