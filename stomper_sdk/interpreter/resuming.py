"""Going on with a run that did not end: what it was asked for, what it has done, what is left to do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stomper_sdk.config import digest_of
from stomper_sdk.errors import RepositoryError, UsageError
from stomper_sdk.interpreter.guilty import rejected
from stomper_sdk.interpreter.run import Run
from stomper_sdk.journal.history import find_run
from stomper_sdk.journal.records import Opened
from stomper_sdk.journal.session import session_folder
from stomper_sdk.journal.unfinished import Unfinished, read_unfinished
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import FileTask
from stomper_sdk.model.present import counted
from stomper_sdk.model.result import FileResult
from stomper_sdk.secrets import holds_secret
from stomper_sdk.stages.base import Context, RunState, Selection
from stomper_sdk.stages.planning import CHANGED
from stomper_sdk.vcs.history import commits_between
from stomper_sdk.vcs.repository import Repository

__all__ = ["check_own", "check_same", "find_past", "opened_record", "run_again"]


def check_own(repository: Repository | None) -> None:
    """Refuse to do anything on the word of runs that came with the repository.

    Raises:
        RepositoryError: git tracks what they have kept.
    """
    if repository is not None and repository.tracks(".stomper"):
        text = "git tracks .stomper: its runs came with the repository, and may say anything"
        raise RepositoryError(text, "Take it out first: git rm -r --cached .stomper")


def find_past(root: Path, name: str) -> Unfinished:
    """The run to go on with, by its session's id, a part of it, or `last`.

    Raises:
        UsageError: there is no such run, it is at work, or nothing of it is left to do.
        StomperError: it left no journal that can be read.
    """
    run = find_run(root, name)
    if run.status == "running":
        raise UsageError(f"{run.session_id} is still running", "Wait for it to end.")
    if run.status == "completed":
        raise UsageError(f"{run.session_id} has ended: nothing is left to do", "Start a new run.")
    return read_unfinished(session_folder(root, run.session_id))


def check_same(past: Unfinished, pipeline: Pipeline) -> None:
    """Refuse to go on with another pipeline than the one that the run began with.

    Raises:
        UsageError: it was changed since.
    """
    if pipeline.workspace.kind == "direct":
        raise UsageError("a run that fixes in place cannot be resumed", "Start a new run.")
    if digest_of(pipeline) != past.opened.digest:
        text = f"the pipeline is not the one that {past.session_id} began with"
        raise UsageError(text, "Undo what was changed in it, or start a new run.")


def opened_record(
    source: object,
    overrides: Mapping[str, Any],
    selection: Selection,
    given: tuple[str, ...],
    context: Context,
) -> Opened:
    """What the journal of a run begins with."""
    target, secrets = context.target, context.pipeline.secrets
    named = source is None or isinstance(source, str | os.PathLike)
    # A text that holds a secret is not kept, so that only its caller can give it again.
    named = named and not (isinstance(source, str) and holds_secret("", source, secrets))
    withheld = tuple(key for key, value in overrides.items() if holds_secret(key, value, secrets))
    return Opened(
        base_commit=context.base_commit,
        target=target.ref if target else "",
        checked_out=target is not None and target.checked_out,
        source=_named(os.fspath(source)) if named and isinstance(source, str | os.PathLike) else None,
        nameless=not named,
        overrides={**overrides, **dict.fromkeys(withheld, "***")},
        checks=selection.checks,
        codes=selection.codes,
        agents=selection.agents,
        digest=digest_of(context.pipeline),
        given=given,
        withheld=withheld,
    )


def run_again(past: Unfinished, repository: Repository, context: Context, notices: tuple[str, ...]) -> Run:
    """The run as far as it came; what was landing when it died has been settled before."""
    if past.plan is None:
        return Run(RunState(notices=notices), past.opened)
    reached = _reached(past, repository, context)
    dirty, tasks = repository.status().dirty, {task.path: task for task in past.plan.tasks}
    # A commit that somebody has taken out of the branch meanwhile is no result: its file is done again.
    ended = {
        result.path: result
        for result in past.ended
        if result.outcome != "cancelled" and (not result.commit or result.commit in reached)
    }
    for landing in past.landings:
        if landing.result and landing.commit in reached:
            ended[landing.result.path] = landing.result
    for path, result in ended.items():
        revert = past.undone.get(result.commit or "")
        if revert in reached:
            ended[path] = rejected(result, tasks[path], str(revert))
    left = [task for task in past.plan.tasks if task.path not in ended]
    ended |= {task.path: _left_alone(task) for task in left if task.path in dirty}
    text = f"resumed: {counted(len(past.plan.tasks) - len(left), 'file')} of {len(past.plan.tasks)} had ended"
    stopped = {it.path: it.attempts for it in past.ended if it.path not in ended}
    state = RunState(plan=past.plan, notices=(*notices, text))
    return Run(state, ended=list(ended.values()), carried=stopped)


def _reached(past: Unfinished, repository: Repository, context: Context) -> frozenset[str]:
    """The commits that the target has since the run began.

    Raises:
        UsageError: it does not come from where the run began any more.
    """
    base, target = past.opened.base_commit or "", context.commits_to()
    if not repository.has_reached(target, base):
        text = f"{target.ref} does not contain {base[:12]} any more, from which {past.session_id} began"
        raise UsageError(text, "Start a new run.")
    return frozenset(commits_between(repository.root, base, repository.tip(target)))


def _left_alone(task: FileTask) -> FileResult:
    return FileResult(task.path, "skipped", CHANGED, remaining=task.findings)


def _named(source: str) -> str:
    """A file by its whole path: the run may be resumed from another folder."""
    return str(Path(source).absolute()) if "\n" not in source and Path(source).is_file() else source
