"""The repository's own commit hooks, run in the workspace: what they stash or rewrite is never the user's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stomper_sdk.errors import CommandError, RefusedError
from stomper_sdk.events import Notice
from stomper_sdk.process import Completed, run_command
from stomper_sdk.stages.base import Context, FileState
from stomper_sdk.vcs.git import git_environment, in_thread

__all__ = ["run_commit_hooks", "run_post_commit"]

_SECONDS = 600.0
_BEFORE = ("pre-commit", "prepare-commit-msg", "commit-msg")


async def run_commit_hooks(state: FileState, context: Context, message: str) -> str:
    """Run the hooks that git runs before a commit; returns the message as they left it.

    Raises:
        RefusedError: a hook refused, or changed the fix after it was verified.
    """
    workspace = state.lent()
    hooks = [hook for name in _BEFORE if (hook := _hook(context, workspace.path, name))]
    if not hooks:
        return message
    # Tests may have dropped files: the hooks see the fix alone, staged as for a commit.
    await in_thread(workspace.checkout.restore, state.fix)
    written = workspace.scratch / "COMMIT_EDITMSG"
    await in_thread(written.write_text, message, encoding="utf-8", errors="surrogateescape")
    for hook in hooks:
        done = await _run(hook, _arguments(hook.name, written), workspace.path)
        if done.exit_code != 0:
            said = (done.error_text.strip() or done.text.strip())[-1000:]
            raise RefusedError(f"the {hook.name} hook refused: {said}", "Or set apply.commit.hooks: skip.")
    if await in_thread(workspace.checkout.snapshot) != state.fix:
        raise RefusedError(
            "a commit hook changed the fix after it was verified", "Or set apply.commit.hooks: skip."
        )
    return await in_thread(written.read_text, encoding="utf-8", errors="surrogateescape")


async def run_post_commit(context: Context) -> None:
    """Run the hook that git runs after a commit; as with git, its failure changes nothing."""
    hook = _hook(context, context.root, "post-commit")
    if hook is not None:
        done = await _run(hook, (), context.root)
        if done.exit_code != 0:
            text = f"the post-commit hook exited with {done.exit_code}: {done.error_text.strip()[-500:]}"
            context.emit(Notice(context.clock(), text))


def _hook(context: Context, root: Path, name: str) -> Path | None:
    hook = root / context.repo().hooks_dir / name
    return hook if hook.is_file() and os.access(hook, os.X_OK) else None


def _arguments(name: str, message: Path) -> Sequence[str]:
    return {"pre-commit": (), "prepare-commit-msg": (str(message), "message")}.get(name, (str(message),))


async def _run(hook: Path, argv: Sequence[str], cwd: Path) -> Completed:
    try:
        return await run_command([str(hook), *argv], cwd=cwd, timeout=_SECONDS, env=git_environment())
    except CommandError as error:
        raise RefusedError(f"the {hook.name} hook: {error.message}") from error
