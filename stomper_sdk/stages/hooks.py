"""The repository's own commit hooks, run in the workspace: what they stash or rewrite is never the user's."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from stomper_sdk.errors import CommandError, RefusedError
from stomper_sdk.events import Notice
from stomper_sdk.process import Completed, Confinement, run_command
from stomper_sdk.stages.base import Context, FileState
from stomper_sdk.vcs.git import git_environment, in_thread
from stomper_sdk.workspaces.base import Workspace, in_workspace

__all__ = ["run_commit_hooks", "run_post_commit"]

_SECONDS = 600.0
#: What ending a hook and all that it started may take.
_ENDING_SECONDS = 15.0
_BEFORE = ("pre-commit", "prepare-commit-msg", "commit-msg")


async def run_commit_hooks(state: FileState, context: Context, message: str) -> str:
    """Run the hooks that git runs before a commit; returns the message as they left it.

    Raises:
        RefusedError: a hook refused, or changed the fix after it was verified.
    """
    workspace = state.lent()
    if not _hooks_before(context, workspace.path):
        return message
    await _stage_alone(workspace, state)
    written = workspace.scratch / "COMMIT_EDITMSG"
    await in_thread(written.write_text, message, encoding="utf-8", errors="surrogateescape")
    confinement = context.confined(workspace.path, written)
    # Looked up again: what the agent or the tests dropped there is gone now.
    for hook in _hooks_before(context, workspace.path):
        try:
            words = [str(hook), *_arguments(hook.name, written)]
            done = await _run(words, workspace.path, _SECONDS, confinement)
        except CommandError as error:
            raise RefusedError(f"the {hook.name} hook: {error.message}") from error
        if done.exit_code != 0:
            said = (done.error_text.strip() or done.text.strip())[-1000:]
            raise RefusedError(f"the {hook.name} hook refused: {said}", "Or set apply.commit.hooks: skip.")
    if await in_workspace(workspace.checkout.snapshot) != state.fix:
        raise RefusedError(
            "a commit hook changed the fix after it was verified", "Or set apply.commit.hooks: skip."
        )
    return await in_thread(written.read_text, encoding="utf-8", errors="surrogateescape")


async def run_post_commit(context: Context) -> None:
    """Run the hook that git runs after a commit; as with git, its failure changes nothing.

    It acts on the checkout that it runs in, so there is none to run where the commits go to another branch.
    """
    hook = _hook(context, context.root, "post-commit") if context.commits_to().checked_out else None
    if hook is None:
        return
    try:
        done = await _run([str(hook)], context.root, _seconds_left())
    except CommandError as error:
        context.emit(Notice(context.clock(), f"the post-commit hook: {error.message}"))
        return
    if done.exit_code != 0:
        text = f"the post-commit hook {done.ending}: {done.error_text.strip()[-500:]}"
        context.emit(Notice(context.clock(), text))


async def _stage_alone(workspace: Workspace, state: FileState) -> None:
    """Let the hooks see the fix alone, staged on top of the base commit, as for a commit.

    Tests may have dropped files, and the agent may have committed: nothing would be staged then. The hooks'
    own git goes where the workspace's `.git` leads, so that is made anew.
    """
    await in_workspace(workspace.checkout.relink)
    if workspace.base is not None:
        await in_workspace(workspace.checkout.move_head, workspace.base)
    await in_workspace(workspace.checkout.restore, state.fix)


def _hooks_before(context: Context, workspace: Path) -> list[Path]:
    return [hook for name in _BEFORE if (hook := _hook(context, workspace, name))]


def _hook(context: Context, root: Path, name: str) -> Path | None:
    """A checkout's hook; else that of the user's own, since tools keep hooks in folders that git ignores."""
    folder = context.repo().hooks_dir
    places = (root / folder / name, context.root / folder / name)
    return next((hook for hook in places if hook.is_file() and os.access(hook, os.X_OK)), None)


def _arguments(name: str, message: Path) -> Sequence[str]:
    return {"pre-commit": (), "prepare-commit-msg": (str(message), "message")}.get(name, (str(message),))


def _seconds_left() -> float:
    """The time limit of what runs after the commit: it ends before the stages in the main repository must."""
    left = trio.current_effective_deadline() - trio.current_time() - _ENDING_SECONDS
    return max(0.0, min(_SECONDS, left))


async def _run(
    words: Sequence[str], cwd: Path, seconds: float, confinement: Confinement | None = None
) -> Completed:
    """Run a hook as git does, which hands to a shell what the system does not take for a program."""
    run = partial(run_command, cwd=cwd, timeout=seconds, env=git_environment(), confinement=confinement)
    if confinement is not None and not await in_thread(_starts_itself, Path(words[0])):
        return await run(["sh", *words])
    try:
        return await run(words)
    except CommandError as error:
        if not isinstance(error.__cause__, OSError) or error.__cause__.errno != errno.ENOEXEC:
            raise
    return await run(["sh", *words])


def _starts_itself(hook: Path) -> bool:
    """Whether the system takes a file for a program: what is in a sandbox cannot tell us that it does not."""
    with hook.open("rb") as file:
        return file.read(4).startswith((b"#!", b"\x7fELF"))
