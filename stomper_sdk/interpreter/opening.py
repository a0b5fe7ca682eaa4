"""From a resolved pipeline to the one context object: repository, target, session, workspaces, tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from stomper_sdk.errors import RepositoryError
from stomper_sdk.events import Event
from stomper_sdk.interpreter.planner import Resolved
from stomper_sdk.journal.session import DeadSession, Session, bury, dead_sessions, open_session, state_folder
from stomper_sdk.model.pipeline import Pipeline, WorkspaceSpec
from stomper_sdk.model.present import counted
from stomper_sdk.options import command_words
from stomper_sdk.prompts import Explanations
from stomper_sdk.stages.base import Context, Selection
from stomper_sdk.validation import NoTests, TestSuite
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.locks import SharedLock
from stomper_sdk.vcs.repository import Repository, Target
from stomper_sdk.workspaces.base import Lender, Preparation
from stomper_sdk.workspaces.direct import MEMORY, Direct, remember
from stomper_sdk.workspaces.place import choose_folder
from stomper_sdk.workspaces.worktree import SCRATCH, Worktrees, sweep_worktrees

__all__ = ["opened_context", "sweep"]

_CLOSING_SECONDS = 60.0


@asynccontextmanager
async def opened_context(
    pipeline: Pipeline,
    resolved: Resolved,
    selection: Selection,
    root: Path,
    repository: Repository | None,
    emit: Callable[[Event], None],
    clock: Callable[[], float],
) -> AsyncIterator[tuple[Context, tuple[str, ...]]]:
    """The context of a run and what to tell the user at its start; all of it is closed afterwards.

    Raises:
        RepositoryError: the state folder cannot be written, or a folder to link is missing.
        TestsError: the test command that was asked for is missing.
        WorkspaceError: there is no place for workspaces.
    """
    state = await in_thread(state_folder, root)
    tests = await TestSuite.find(pipeline.test_validation, root)
    session = await in_thread(_open_session, pipeline, root, repository, state)
    try:
        locks = await in_thread(_lock_folder, state, repository)
        base = await in_thread(repository.commit_of, "HEAD") if repository else None
        target = (
            await in_thread(_target, pipeline, repository, session, base) if repository and base else None
        )
        context = Context(
            pipeline=pipeline,
            selection=selection,
            root=root,
            warm=state / "cache",
            session=session,
            repository=repository,
            target=target,
            base_commit=base,
            lender=await in_thread(_lender, pipeline.workspace, root, repository, session),
            main=SharedLock(locks / "commit"),
            checks=resolved.checks,
            cascade=resolved.cascade,
            tests=None if isinstance(tests, NoTests) or pipeline.test_validation.mode == "none" else tests,
            explanations=Explanations(),
            emit=emit,
            clock=clock,
        )
        yield context, _notices(pipeline, tests)
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(_CLOSING_SECONDS):
            await in_thread(session.close)


def sweep(root: Path, repository: Repository | None) -> tuple[str, ...]:
    """Remove what sessions left whose process is dead; one line for each is returned."""
    if not (root / ".stomper").is_dir():
        return ()
    return tuple(_bury(session, repository) for session in dead_sessions(root / ".stomper"))


def _bury(session: DeadSession, repository: Repository | None) -> str:
    kept, count = _keep_memory(session), 0
    if repository is not None:
        count = sweep_worktrees(repository.common_dir, session.workspaces, f"{session.id}_")
    bury(session)
    return f"{session.id}: removed {counted(count, 'workspace')} in {session.workspaces}{kept}"


def _keep_memory(session: DeadSession) -> str:
    """Where a run in place died, a file may be half-edited, and only its memory knows how it was."""
    memory, kept = session.workspaces / MEMORY, session.folder / MEMORY
    if not memory.is_dir():
        return ""
    shutil.move(memory, kept)
    return f"; a file as it was: git --git-dir='{kept}' --work-tree=. checkout -- FILE"


def _open_session(pipeline: Pipeline, root: Path, repository: Repository | None, state: Path) -> Session:
    needed = 0
    if repository is not None and pipeline.workspace.root is None:
        needed = repository.size_of("HEAD") * (pipeline.parallelism.max_parallel_files + 1)
    declared = pipeline.workspace.root
    folder = choose_folder(None if declared is None else str(root / Path(declared).expanduser()), needed)
    return open_session(state, folder)


def _lock_folder(state: Path, repository: Repository | None) -> Path:
    """Where all checkouts of the repository find the same locks: beside the main one's `.git`."""
    if repository is not None and repository.common_dir.name == ".git":
        return state_folder(repository.common_dir.parent) / "locks"
    return state / "locks"


def _target(pipeline: Pipeline, repository: Repository, session: Session, base: str) -> Target:
    if pipeline.apply.target == "current":
        return repository.current_target()
    name = pipeline.apply.branch.replace("{session_id}", session.id)
    target = Target(f"refs/heads/{name}", False, base)
    repository.check_new_branch(target)
    return target


def _lender(spec: WorkspaceSpec, root: Path, repository: Repository | None, session: Session) -> Lender:
    if repository is None:
        memory = session.workspaces / MEMORY
        remember(root, memory)
        return Direct(root, memory, session.workspaces / SCRATCH)
    return Worktrees(repository.common_dir, session.workspaces, _preparation(spec, root, repository))


def _preparation(spec: WorkspaceSpec, root: Path, repository: Repository) -> Preparation:
    for path in spec.link:
        if not (root / path).exists():
            raise RepositoryError(f"workspace.link: there is no {path} in {root}")
        if repository.tracks(path):
            raise RepositoryError(f"workspace.link: git tracks {path}, so every workspace has it already")
    patterns = root / spec.include
    copies = repository.ignored_files(patterns) if patterns.is_file() else ()
    setup = command_words(spec.setup) if spec.setup else ()
    return Preparation(root, copies, spec.link, setup)


def _notices(pipeline: Pipeline, tests: TestSuite | NoTests) -> tuple[str, ...]:
    mode = pipeline.test_validation.mode
    if mode == "none":
        return ()
    if isinstance(tests, NoTests):
        return (f"fixes are not tested: {tests.reason}",)
    if mode != "final" and pipeline.stage("run_tests") is None:
        return ("fixes are not tested: the pipeline has no stage run_tests",)
    return ()
