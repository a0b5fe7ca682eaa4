"""Past runs: what they did, whether it is true, and taking it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import trio

from stomper_sdk import config
from stomper_sdk.agents.base import AgentTask
from stomper_sdk.api.starting import (
    Folder,
    Order,
    Source,
    absolute,
    as_before,
    checkout_of,
    opened,
    order_of,
)
from stomper_sdk.errors import StomperError, alone, machine_limits
from stomper_sdk.interpreter.opening import sweep, target_of
from stomper_sdk.interpreter.past import diff_of, revert_run
from stomper_sdk.interpreter.resuming import check_own
from stomper_sdk.interpreter.verifying import verify_result
from stomper_sdk.journal.history import LAST, find_run, past_runs, result_of
from stomper_sdk.journal.session import session_folder
from stomper_sdk.journal.spans import read_spans
from stomper_sdk.journal.unfinished import Unfinished, find_unfinished, read_unfinished
from stomper_sdk.model.file import FileResult
from stomper_sdk.model.history import PastRun
from stomper_sdk.model.result import RunResult
from stomper_sdk.model.verification import Verification
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository, open_repository

__all__ = ["clean", "diff", "kept_file", "kept_files", "load_run", "revert", "runs", "verify"]


def clean(repo: Folder = ".") -> tuple[str, ...]:
    """Remove what sessions left behind whose process is dead; one line for each is returned.

    Raises:
        RepositoryError: there is no such folder.
    """
    folder = absolute(repo)
    with machine_limits(permissions=True), checkout_of(folder) as (root, repository):
        return sweep(root, repository)


def runs(repo: Folder = ".", *, limit: int = 0) -> tuple[PastRun, ...]:
    """The runs that were made in a checkout, the newest first; a limit of 0 means all.

    Raises:
        RepositoryError: there is no such folder, or a link stands where the runs should be.
    """
    return past_runs(_root(repo), limit)


def load_run(session: str = LAST, repo: Folder = ".") -> RunResult:
    """What became of a run, without prompts and replies: `kept_file` has those of one file.

    Args:
        session: its id, a part of it that no other has, or `last`.
        repo: the checkout's folder, or any folder in it.

    Raises:
        UsageError: there is no such run, or more than one.
        StomperError: it left no result that can be read.
    """
    root = _root(repo)
    result = result_of(find_run(root, session))
    return attrs.evolve(result, repo=str(repo), spans=read_spans(session_folder(root, result.session_id)))


def kept_file(session_id: str, path: str, repo: Folder = ".") -> FileResult | None:
    """What a run's journal has kept of one file, prompts and replies too; None where it has nothing.

    Raises:
        StomperError: it cannot be read.
    """
    return next((file for file in kept_files(session_id, repo) if file.path == path), None)


def kept_files(session_id: str, repo: Folder = ".") -> tuple[FileResult, ...]:
    """The same of each file that has ended; none where nothing is kept.

    Raises:
        StomperError: it cannot be read.
    """
    past = find_unfinished(session_folder(_root(repo), session_id))
    return past.ended if past else ()


def diff(session: str = LAST, repo: Folder = ".") -> str:
    """All that the commits of a run change, one after the other, as git shows it.

    Args:
        session: its id, a part of it that no other has, or `last`.
        repo: the checkout's folder, or any folder in it.

    Raises:
        UsageError: there is no such run, or more than one.
        RepositoryError: a commit of it is gone.
    """
    with _repository(repo) as repository:
        return diff_of(repository, session)


def revert(session: str = LAST, repo: Folder = ".") -> Mapping[str, str]:
    """Take back every commit of a run with a commit for each, all of them or none.

    Those that were taken back before are left at that.

    Returns:
        The commits that were made, by those that they take back.

    Raises:
        UsageError: there is no such run, or more than one.
        RepositoryError: a commit of it is not in the branch any more.
        ConflictError: something that it changed was changed again since.
    """
    with machine_limits(permissions=True), _repository(repo, trusted=True) as repository:
        return revert_run(repository, session)


def verify(
    session: str = LAST,
    repo: Folder = ".",
    *,
    pipeline: Source = None,
    overrides: Mapping[str, object] | None = None,
) -> Verification:
    """Run the checks again on what a run has committed, and see whether all that its result says is true.

    They look at the commit it began from and at the last one, in workspaces; the user's tree stays as it is.

    Args:
        session: its id, a part of it that no other has, or `last`.
        repo: the checkout's folder, or any folder in it.
        pipeline: the run's own, where it was given from Python; else it is read again.
        overrides: those of the run that held secrets, which are not kept.

    Raises:
        UsageError: there is no such run, or more than one.
        StomperError: nothing can be compared: its commits are gone, its pipeline is another one now, a
            check crashed.
    """
    verification: Verification = trio.run(_verify, session, repo, pipeline, overrides or {})
    return verification


async def _verify(
    session: str, repo: Folder, pipeline: Source, overrides: Mapping[str, object]
) -> Verification:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        result, past = await in_thread(_ended, repo, session)
        before = past.opened
        async with opened(_as_verified(past, repo, pipeline, overrides)) as start:
            if config.digest_of(start.context.pipeline) != before.digest:
                text = f"the pipeline is not the one that {past.session_id} ran"
                raise StomperError(text, "Undo what was changed in it.")
            return await verify_result(result, past.plan, target_of(before), start.context)


def _ended(repo: Folder, session: str) -> tuple[RunResult, Unfinished]:
    """What a run said of itself at its end, and what its journal says.

    Raises:
        StomperError: one of them is not there, or is not our own, or nothing was committed to look at.
    """
    with checkout_of(absolute(repo)) as (root, repository):
        check_own(repository)
    run = find_run(root, session)
    result = result_of(run)
    past = read_unfinished(session_folder(root, run.session_id))
    if past.opened.base_commit is None:
        raise StomperError(f"{run.session_id} fixed in place: there are no commits to look at")
    return result, past


def _as_verified(past: Unfinished, repo: Folder, pipeline: Source, overrides: Mapping[str, object]) -> Order:
    """The run's own pipeline, with somebody in the place of agents who are not needed."""
    if past.opened.nameless and pipeline is None:
        text = f"{past.session_id} was given its pipeline from Python, or by a text with a secret in it"
        raise StomperError(text, "Give it again: stomper_sdk.api.verify(session, pipeline=...).")
    nobody = dict.fromkeys(past.opened.given, _nobody)
    return as_before(order_of(pipeline, repo, overrides, nobody, None, (), None), past)


def _nobody(task: AgentTask) -> None:
    raise AssertionError("nobody is asked to fix anything")


@contextmanager
def _repository(repo: Folder, *, trusted: bool = False) -> Iterator[Repository]:
    """The repository, with what dead sessions left cleaned up; `trusted` where its runs are believed."""
    repository = open_repository(absolute(repo))
    try:
        if trusted:
            check_own(repository)
        sweep(repository.root, repository)
        yield repository
    finally:
        repository.close()


def _root(repo: Folder) -> Path:
    with checkout_of(absolute(repo)) as (root, _):
        return root
