"""The commits of a past run: what they changed, and taking them all back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stomper_sdk.errors import ConflictError, RepositoryError, UsageError
from stomper_sdk.interpreter.opening import COMMIT_LOCK, lock_folder
from stomper_sdk.journal.history import find_run
from stomper_sdk.journal.records import Landed, Landing, Opened
from stomper_sdk.journal.session import Session, is_alive, open_session, session_folder, state_folder
from stomper_sdk.journal.unfinished import read_unfinished
from stomper_sdk.stages.message import revert_text
from stomper_sdk.vcs.history import commits_between, patch_of, undoing
from stomper_sdk.vcs.locks import held
from stomper_sdk.vcs.repository import Repository, Target
from stomper_sdk.workspaces.place import choose_folder

__all__ = ["diff_of", "revert_run"]


def diff_of(repository: Repository, name: str) -> str:
    """All that the commits of a run change, one after the other, as git shows it.

    Raises:
        UsageError: there is no such run.
        RepositoryError: a commit of it is not in the branch any more.
    """
    _, commits = _commits(repository, name)
    return "".join(patch_of(repository.root, commit) for commit in commits)


def revert_run(repository: Repository, name: str) -> Mapping[str, str]:
    """Take back every commit of a run, the last one first, with a commit for each; all of them or none.

    Returns:
        The commits that were made, by those that they take back.

    Raises:
        UsageError: there is no such run.
        RepositoryError: a commit of it is not in the branch any more; nothing was changed then.
        ConflictError: something that it changed was changed again since; nothing was changed then.
    """
    repository.check_ready()
    session_id, commits = _commits(repository, name)
    if not commits:
        return {}
    state, target = state_folder(repository.root), repository.current_target()
    with held(lock_folder(state, repository) / COMMIT_LOCK):
        parent = repository.tip(target)
        made = _chain(repository, parent, commits, session_id)
        session = open_session(state, choose_folder(None, 0))
        try:
            _land(session, repository, target, Landing(parent, made[commits[0]]))
        finally:
            session.forget()
    return made


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


def _land(session: Session, repository: Repository, target: Target, landing: Landing) -> None:
    """Move the branch, with a journal for whoever has to repair what a kill leaves."""
    opened = Opened(landing.parent, target.ref, target.checked_out, None, True, {}, (), (), (), "")
    for record in (opened, landing):
        session.journal.append(record)
    try:
        repository.advance(target, landing.parent, landing.commit)
    except ConflictError as error:
        text = "a file that the run has changed has changes that are not committed"
        raise ConflictError(text, "Nothing was changed. Commit or stash yours first.") from error
    session.journal.append(Landed(landing.commit))


def _commits(repository: Repository, name: str) -> tuple[str, list[str]]:
    """The session's id, and its commits that still count, in the order of the branch."""
    run = find_run(repository.root, name)
    folder = session_folder(repository.root, run.session_id)
    if is_alive(folder):
        raise UsageError(f"{run.session_id} is still running", "Wait for it to end.")
    past = None if run.result else read_unfinished(folder)
    ended = run.result.files if run.result else past.ended if past else ()
    made = {result.commit for result in ended if result.commit}
    landings = {landing.commit for landing in past.landings} if past else set()
    base = run.result.base_commit if run.result else past and past.opened.base_commit
    tip = repository.tip(repository.current_target())
    there = commits_between(repository.root, base or tip, tip)
    if missing := sorted(made.difference(there)):
        text = f"{missing[0][:12]}, a commit of {run.session_id}, is not in the branch that is checked out"
        raise RepositoryError(text, "Switch to the branch that has it.")
    # A commit that was about to land, and did not, is none.
    return run.session_id, [commit for commit in there if commit in made | landings]
