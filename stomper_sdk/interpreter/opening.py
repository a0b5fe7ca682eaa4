"""From a resolved pipeline to the one context object: repository, target, session, workspaces, tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from stomper_sdk.errors import RepositoryError, StomperError
from stomper_sdk.events import Event, Notice
from stomper_sdk.interpreter.learning import common_folder, teach, what_is_known
from stomper_sdk.interpreter.planner import Resolved, hosts_of
from stomper_sdk.interpreter.scheduler import Share
from stomper_sdk.journal.log import JOURNAL
from stomper_sdk.journal.records import Landing, Opened
from stomper_sdk.journal.session import DeadSession, Session, bury, dead_sessions, open_session, state_folder
from stomper_sdk.journal.unfinished import Unfinished, find_unfinished
from stomper_sdk.model.pipeline import Pipeline, WorkspaceSpec
from stomper_sdk.model.present import counted
from stomper_sdk.options import command_words
from stomper_sdk.orphans import end_family
from stomper_sdk.prompts import Explanations, Neighbours, commit_texts
from stomper_sdk.sandbox import Sandbox, find_sandbox
from stomper_sdk.spending import Purse
from stomper_sdk.stages.base import Context, Selection
from stomper_sdk.stages.cascade import Cascade
from stomper_sdk.validation import NoTests, TestSuite
from stomper_sdk.vcs.checkout import ABSENT
from stomper_sdk.vcs.git import GitError, in_thread
from stomper_sdk.vcs.locks import SharedLock, held
from stomper_sdk.vcs.repair import repair
from stomper_sdk.vcs.repository import Repository, Target
from stomper_sdk.workspaces.base import Lender, Preparation
from stomper_sdk.workspaces.direct import MEMORY, Direct, remember
from stomper_sdk.workspaces.place import choose_folder
from stomper_sdk.workspaces.worktree import SCRATCH, Worktrees, sweep_worktrees

__all__ = [
    "COMMIT_LOCK",
    "bytes_needed",
    "declared_place",
    "lock_folder",
    "opened_context",
    "preparation_of",
    "sweep",
    "target_of",
]

_CLOSING_SECONDS = 60.0
COMMIT_LOCK = "commit"
_WAITING = "another process is committing to this repository: waiting for it"


@asynccontextmanager
async def opened_context(
    pipeline: Pipeline,
    resolved: Resolved,
    selection: Selection,
    root: Path,
    repository: Repository | None,
    emit: Callable[[Event], None],
    clock: Callable[[], float],
    past: Unfinished | None = None,
    share: Share | None = None,
) -> AsyncIterator[tuple[Context, tuple[str, ...]]]:
    """The context of a run and what to tell the user at its start; all of it is closed afterwards.

    Raises:
        RepositoryError: the state folder cannot be written, or a folder to link is missing.
        MachineError: the sandbox that was asked for does not work here.
        TestsError: the test command that was asked for is missing.
        WorkspaceError: there is no place for workspaces.
    """
    state = await in_thread(state_folder, root)
    git_dirs = () if repository is None else (repository.git_dir, repository.common_dir)
    sandbox = await find_sandbox(
        pipeline.sandbox, root, git_dirs, hosts_of(tier.agent for tier in resolved.cascade)
    )
    tests = await TestSuite.find(pipeline.test_validation, root, sandbox)
    session = await in_thread(_open_session, pipeline, root, repository, state, past)
    recorder = None
    try:
        locks = await in_thread(lock_folder, state, repository)
        base, target = await in_thread(_start_of, pipeline, repository, session, past)
        await in_thread(_check_guides_committed, pipeline, root, repository, base)
        if isinstance(tests, TestSuite) and repository is not None and base is not None:
            await in_thread(_remember, tests, pipeline, root, repository, state, base)
        recorder, experience, unlearned = await in_thread(
            what_is_known, pipeline, resolved.cascade, root, repository, session.id
        )
        shared = (share.purse, share.label) if share else ()
        purse = Purse(pipeline.budget, clock, lambda spent: in_thread(session.journal.append, spent), *shared)
        await in_thread(teach, purse, pipeline, resolved.cascade, root, repository, session.id)
        purse.remember(past.spent if past else ())
        context = Context(
            pipeline=pipeline,
            selection=selection,
            root=root,
            warm=await in_thread(_warm, state, session, repository),
            session=session,
            repository=repository,
            target=target,
            base_commit=base,
            lender=await in_thread(_lender, pipeline.workspace, root, repository, session),
            main=SharedLock(locks / COMMIT_LOCK, lambda: emit(Notice(clock(), _WAITING))),
            checks=resolved.checks,
            cascade=Cascade(resolved.cascade),
            template=resolved.template,
            tests=None if isinstance(tests, NoTests) or pipeline.test_validation.mode == "none" else tests,
            explanations=Explanations(),
            neighbours=_neighbours(repository, base),
            emit=emit,
            clock=clock,
            purse=purse,
            slots=share.slots if share else None,
            sandbox=sandbox,
            recorder=recorder,
            experience=experience,
        )
        told = (*_detached(target), *_notices(pipeline, tests), *_weaker(pipeline, sandbox), *unlearned)
        yield context, told
    finally:
        with trio.CancelScope(shield=True), trio.move_on_after(_CLOSING_SECONDS):
            if recorder is not None:
                await in_thread(recorder.close)
            await in_thread(session.close)


def sweep(root: Path, repository: Repository | None) -> tuple[str, ...]:
    """Remove what sessions left whose process is dead; one line for each is returned."""
    if not (root / ".stomper").is_dir():
        return ()
    return tuple(_bury(session, repository) for session in dead_sessions(root / ".stomper"))


def _bury(session: DeadSession, repository: Repository | None) -> str:
    kept, count = _keep_memory(session), 0
    end_family(session.family)
    if repository is not None:
        kept += _repaired(session, repository)
        count = sweep_worktrees(repository.common_dir, session.workspaces, f"{session.id}_")
    bury(session)
    return f"{session.id}: removed {counted(count, 'workspace')} in {session.workspaces}{kept}"


def _repaired(session: DeadSession, repository: Repository) -> str:
    """Finish or take back the commit at which a run died; what is to be said of that."""
    if repository.tracks(".stomper"):
        return "; git tracks .stomper, so nothing in it is believed and nothing was repaired"
    try:
        past = find_unfinished(session.folder)
        if past is None:
            return ""
        repaired = past.pending is not None and _finished(past, past.pending, session, repository)
    except (GitError, StomperError, OSError) as error:
        if isinstance(error, RepositoryError) and not isinstance(error, GitError):
            raise
        return f"; its last commit could not be looked after ({error}): see what git status shows"
    if past.opened.reverts is not None:
        return _revert_settled(session, past, repository)
    landing = past.pending
    return (
        f"; took back what was half-written of {landing.path or landing.commit}"
        if landing and repaired
        else ""
    )


def _finished(past: Unfinished, landing: Landing, session: DeadSession, repository: Repository) -> bool:
    announced = session.folder.joinpath(JOURNAL).stat().st_mtime
    with held(lock_folder(session.folder.parent.parent, repository) / COMMIT_LOCK):
        return repair(repository, target_of(past.opened), landing.parent, landing.commit, announced)


def _revert_settled(session: DeadSession, past: Unfinished, repository: Repository) -> str:
    """The commits of a run are taken back by one move of the branch: all of them, or none."""
    (session.folder / JOURNAL).unlink()
    other, target = past.opened.reverts, target_of(past.opened)
    if any(repository.has_reached(target, commit) for commit in past.undone.values()):
        return f"; the commits of {other} are taken back"
    return f"; no commit of {other} is taken back yet: stomper-sdk runs revert {other}"


def _keep_memory(session: DeadSession) -> str:
    """Where a run in place died, a file may be half-edited, and only its memory knows how it was."""
    memory, kept = session.workspaces / MEMORY, session.folder / MEMORY
    if not memory.is_dir():
        return ""
    shutil.move(memory, kept)
    return f"; a file as it was: git --git-dir='{kept}' --work-tree=. checkout -- FILE"


def _open_session(
    pipeline: Pipeline, root: Path, repository: Repository | None, state: Path, past: Unfinished | None
) -> Session:
    declared = declared_place(pipeline, root)
    needed = bytes_needed(pipeline, repository) if repository is not None and declared is None else 0
    session_id = past.session_id if past else None
    return open_session(state, choose_folder(declared, needed), session_id, pipeline.secrets)


def declared_place(pipeline: Pipeline, root: Path) -> str | None:
    """Where the pipeline wants workspaces to live; None where it leaves that to us."""
    declared = pipeline.workspace.root
    return None if declared is None else str(root / Path(declared).expanduser())


def bytes_needed(pipeline: Pipeline, repository: Repository) -> int:
    """The room for as many workspaces as there can be at a time."""
    return repository.size_of("HEAD") * (pipeline.parallelism.max_parallel_files + 1)


def lock_folder(state: Path, repository: Repository | None) -> Path:
    """Where all checkouts of the repository find the same locks: beside the main one's `.git`."""
    folder = common_folder(state.parent, repository)
    return state_folder(folder.parent) / "locks"


def _start_of(
    pipeline: Pipeline, repository: Repository | None, session: Session, past: Unfinished | None
) -> tuple[str | None, Target | None]:
    """The commit to start from and the branch to commit to; those of the run that is resumed."""
    if repository is None:
        return None, None
    if past is not None:
        return past.opened.base_commit, _target_again(repository, past)
    base = repository.commit_of("HEAD")
    return base, _target(pipeline, repository, session, base)


def _target_again(repository: Repository, past: Unfinished) -> Target:
    name, current = past.opened.target, repository.current_target()
    if past.opened.checked_out and current.ref != name:
        text = f"{past.session_id} was committing to {_short(name)}, and {_short(current.ref)} is checked out"
        raise RepositoryError(text, f"Switch to it first: git switch {_short(name)}")
    return target_of(past.opened)


def target_of(opened: Opened) -> Target:
    """Where the commits of a past run went."""
    return Target(opened.target, opened.checked_out, "" if opened.checked_out else opened.base_commit or "")


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


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
    return Worktrees(repository.common_dir, session.workspaces, preparation_of(spec, root, repository))


def preparation_of(spec: WorkspaceSpec, root: Path, repository: Repository) -> Preparation:
    """What a new workspace gets from the user's tree.

    Raises:
        RepositoryError: a folder to link is missing, or git tracks it.
    """
    for path in spec.link:
        if not (root / path).exists():
            raise RepositoryError(f"workspace.link: there is no {path} in {root}")
        if repository.tracks(path):
            raise RepositoryError(f"workspace.link: git tracks {path}, so every workspace has it already")
    patterns = root / spec.include
    copies = repository.ignored_files(patterns) if patterns.is_file() else ()
    setup = command_words(spec.setup) if spec.setup else ()
    return Preparation(root, copies, spec.link, setup)


def _neighbours(repository: Repository | None, base: str | None) -> Neighbours:
    return Neighbours(partial(commit_texts, repository.root, base) if repository and base else None)


def _check_guides_committed(
    pipeline: Pipeline, root: Path, repository: Repository | None, base: str | None
) -> None:
    """Refuse a guide that workspaces lack: no prompt would have it."""
    if repository is None or base is None:
        return
    for path in pipeline.prompt.guides:
        if repository.blob_at(base, path) == ABSENT.sha:
            copies = preparation_of(pipeline.workspace, root, repository).copies
            if path not in copies:
                text = f"prompt.guides: {path} is not in the commit, so no workspace has it"
                raise RepositoryError(text, "Commit it, or let workspace.include name it.")


def _warm(state: Path, session: Session, repository: Repository | None) -> Path:
    """The caches of earlier looks; those that came with the repository are left alone."""
    if repository is None or not repository.tracks(".stomper"):
        return state / "cache"
    own = session.workspaces / "cache"
    own.mkdir(exist_ok=True)
    return own


def _remember(
    tests: TestSuite, pipeline: Pipeline, root: Path, repository: Repository, state: Path, base: str
) -> None:
    """Keep what the tests say of the base commit for later runs, where the commit decides what they say."""
    more = preparation_of(pipeline.workspace, root, repository)
    if more.copies or more.links or pipeline.test_validation.env or repository.tracks(".stomper"):
        return
    declared = [pipeline.test_validation, pipeline.workspace, pipeline.sandbox]
    tests.remember(state / "cache" / "tests", base, declared, pipeline.secrets)


def _detached(target: Target | None) -> tuple[str, ...]:
    if target is None or target.ref != "HEAD":
        return ()
    return ("HEAD is on no branch, nor will the commits be: git switch -c NAME keeps them",)


def _weaker(pipeline: Pipeline, sandbox: Sandbox | None) -> tuple[str, ...]:
    """`auto` takes what there is, and says so where that is not the strongest."""
    if pipeline.sandbox.kind != "auto" or sandbox is None or sandbox.kind == "bubblewrap":
        return ()
    return (f"the sandbox is {sandbox.kind}: bubblewrap, which holds more, does not work here",)


def _notices(pipeline: Pipeline, tests: TestSuite | NoTests) -> tuple[str, ...]:
    mode = pipeline.test_validation.mode
    if mode == "none":
        return ()
    if isinstance(tests, NoTests):
        return (f"fixes are not tested: {tests.reason}",)
    if mode != "final" and pipeline.stage("run_tests") is None:
        return ("fixes are not tested: the pipeline has no stage run_tests",)
    return ()
