"""What a tool leaves behind in a workspace, or in the repository's own folder, and must not stay."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import trio

from stomper_sdk.clearing import clear_away

__all__ = ["Drops"]


@attrs.frozen
class Drops:
    """Globs of such files, and what was there before any job of the agent.

    Jobs of one agent share a repository's own folder, so what one of them finds there may be another's.
    """

    patterns: tuple[str, ...] = ()
    git_patterns: tuple[str, ...] = ()
    _before: dict[Path, frozenset[Path]] = attrs.field(factory=dict, init=False)

    @contextlib.asynccontextmanager
    async def kept_out(self, workspace: Path) -> AsyncIterator[None]:
        """Remove, after the block, what was not there before it."""
        if not self.patterns and not self.git_patterns:
            yield
            return
        before = await trio.to_thread.run_sync(_found, workspace, self.patterns)
        git_dir = await trio.to_thread.run_sync(_common_git_dir, workspace) if self.git_patterns else None
        if git_dir is not None and git_dir not in self._before:
            self._before[git_dir] = _found(git_dir, self.git_patterns)
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._remove, workspace, before, git_dir)

    def _remove(self, workspace: Path, before: frozenset[Path], git_dir: Path | None) -> None:
        places = [(workspace, self.patterns, before)]
        if git_dir is not None:
            places.append((git_dir, self.git_patterns, self._before[git_dir]))
        for folder, patterns, known in places:
            for path in _found(folder, patterns) - known:
                if path.is_dir() and not path.is_symlink():
                    clear_away(path)
                else:
                    path.unlink(missing_ok=True)


def _found(folder: Path, patterns: tuple[str, ...]) -> frozenset[Path]:
    return frozenset(path for pattern in patterns for path in folder.glob(pattern))


def _common_git_dir(workspace: Path) -> Path | None:
    """The repository's own folder that a worktree belongs to, read from its files as git does."""
    git = workspace / ".git"
    if git.is_dir():
        return git
    with contextlib.suppress(OSError, ValueError):
        own = workspace / git.read_text().removeprefix("gitdir:").strip()
        return (own / (own / "commondir").read_text().strip()).resolve()
    return None
