"""The commits of a past run: what they changed, and taking them all back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from stomper_sdk.errors import ConflictError, RepositoryError, UsageError
from stomper_sdk.faults import point
from stomper_sdk.interpreter.opening import COMMIT_LOCK, lock_folder, target_of
from stomper_sdk.journal.history import find_run
from stomper_sdk.journal.records import Landed, Landing, Opened
from stomper_sdk.journal.session import Session, is_alive, open_session, session_folder, state_folder
from stomper_sdk.journal.unfinished import read_unfinished
from stomper_sdk.stages.message import revert_text
from stomper_sdk.vcs.git import GitError
from stomper_sdk.vcs.history import branches_with, commits_between, in_order, patch_of, taken_back, undoing
from stomper_sdk.vcs.locks import held
from stomper_sdk.vcs.repository import Repository, Target
from stomper_sdk.workspaces.place import choose_folder

__all__ = ["diff_of", "revert_run"]


def diff_of(repository: Repository, name: str) -> str:
    """All that the commits of a run change, one after the other, as git shows it, wherever they are now.

    Raises:
        UsageError: there is no such run.
        RepositoryError: a commit of it is gone.
    """
    made = _made(repository, name)
    try:
        commits = in_order(repository.root, made.base, made.commits) if made.commits else ()
    except GitError as error:
        text = f"a commit of {made.session_id} is gone from the repository, or the one that it began from"
        raise RepositoryError(text, "No branch has held it for long enough that git removed it.") from error
    return "".join(patch_of(repository.root, commit) for commit in commits)


def revert_run(repository: Repository, name: str) -> Mapping[str, str]:
    """Take back every commit of a run, the last one first, with a commit for each; all of them or none.

    What was taken back before, by this or by `git revert`, is left at that.

    Returns:
        The commits that were made, by those that they take back.

    Raises:
        UsageError: there is no such run.
        RepositoryError: a commit of it is not in the branch any more; nothing was changed then.
        ConflictError: something that it changed was changed again since; nothing was changed then.
    """
    repository.check_ready()
    made, target = _made(repository, name), repository.current_target()
    state = state_folder(repository.root)
    with held(lock_folder(state, repository) / COMMIT_LOCK):
        parent = repository.tip(target)
        commits = _standing(repository, made, parent)
        if not commits:
            return {}
        reverts = _chain(repository, parent, commits, made.session_id)
        session = open_session(state, choose_folder(None, 0))
        try:
            _land(
                session,
                repository,
                target,
                Landing(parent, reverts[commits[0]], undoes=commits[0]),
                made.session_id,
            )
        finally:
            session.forget()
    return reverts


@attrs.frozen
class _Made:
    """What a run has committed since `base`."""

    session_id: str
    base: str
    commits: frozenset[str]


def _made(repository: Repository, name: str) -> _Made:
    """The commits of a run that has ended, or died."""
    run = find_run(repository.root, name)
    folder = session_folder(repository.root, run.session_id)
    if is_alive(folder):
        raise UsageError(f"{run.session_id} is still running", "Wait for it to end.")
    if run.result:
        commits = frozenset(result.commit for result in run.result.files if result.commit)
        return _Made(run.session_id, run.result.base_commit or "", commits)
    past = read_unfinished(folder)
    target = target_of(past.opened)
    ended = (result.commit for result in past.ended if result.commit)
    # A commit that was about to land, and did not, is none.
    landed = (it.commit for it in past.landings if repository.has_reached(target, it.commit))
    return _Made(run.session_id, past.opened.base_commit or "", frozenset((*ended, *landed)))


def _standing(repository: Repository, made: _Made, tip: str) -> Sequence[str]:
    """The commits that still count, in the order of the branch."""
    root = repository.root
    if not made.commits:
        return ()
    there = commits_between(root, made.base, tip)
    if missing := sorted(made.commits.difference(there)):
        text = f"{missing[0][:12]}, a commit of {made.session_id}, is not in the branch that is checked out"
        branches = branches_with(root, missing[0])
        hint = f"Switch to the one that has it: git switch {branches[0]}" if branches else "No branch has it."
        raise RepositoryError(text, hint)
    gone = taken_back(root, made.base, tip)
    return [commit for commit in there if commit in made.commits and commit not in gone]


def _chain(repository: Repository, parent: str, commits: Sequence[str], session_id: str) -> Mapping[str, str]:
    """The reverting commits on top of each other, as objects only."""
    made: dict[str, str] = {}
    for commit in reversed(commits):
        try:
            applied = repository.on_top(parent, undoing(repository.root, commit), "since")
        except ConflictError as error:
            text = f"{commit[:12]} cannot be taken back: {error.message}"
            raise ConflictError(text, f"Nothing was changed. By hand: git revert {commit[:12]}") from error
        parent = made[commit] = repository.draft(applied, revert_text(repository.root, commit, session_id))
    return made


def _land(
    session: Session, repository: Repository, target: Target, landing: Landing, session_id: str
) -> None:
    """Move the branch, with a journal for whoever has to repair what a kill leaves."""
    opened = Opened(
        base_commit=landing.parent,
        target=target.ref,
        checked_out=target.checked_out,
        source=None,
        nameless=True,
        overrides={},
        checks=(),
        codes=(),
        agents=(),
        digest="",
        reverts=session_id,
    )
    for record in (opened, landing):
        session.journal.append(record)
    try:
        repository.advance(target, landing.parent, landing.commit)
    except ConflictError as error:
        text = "a file that the run has changed has changes that are not committed"
        raise ConflictError(text, "Nothing was changed. Commit or stash yours first.") from error
    point("merged")
    session.journal.append(Landed(landing.commit))
