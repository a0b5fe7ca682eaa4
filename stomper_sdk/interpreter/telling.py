"""From how far a run came to its result: every finding once, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stomper_sdk.errors import StomperError
from stomper_sdk.interpreter.run import Run
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.model.present import hide
from stomper_sdk.model.result import FAILED, FileResult, FindingEnd, RunResult, RunStatus, gone, settled
from stomper_sdk.stages.base import Context

__all__ = ["tell"]

_INTERRUPTED = 130


def tell(
    run: Run, context: Context, control: Control, error: StomperError | None, repo: str, head: str | None
) -> RunResult:
    """The result of a run.

    Args:
        run: how far it came.
        context: what it ran with.
        control: whether it was stopped from outside.
        error: what ended it early.
        repo: the repository as the caller named it.
        head: the target's end now.
    """
    state = run.state
    findings = tuple(sorted(_ends(run), key=_place))
    return RunResult(
        session_id=context.session.id,
        pipeline=context.pipeline.name,
        repo=repo,
        base_commit=context.base_commit,
        head_commit=head,
        status=_status(run, control, error),
        exit_code=_exit_code(run, control, error, findings),
        duration_seconds=context.clock(),
        peak_parallel_files=run.gauge.peak,
        reducers=state.reducers,
        files=(*state.results, *_left_alone(state.plan)),
        findings=findings,
        checks=state.checks,
        tests=state.tests.summary if state.tests else None,
        notices=state.notices,
        error=hide(str(error), context.pipeline.secrets) if error else None,
    )


def _status(run: Run, control: Control, error: StomperError | None) -> RunStatus:
    if error is not None:
        return "failed"
    if run.aborted:
        return "stopped"
    return "cancelled" if control.draining else "completed"


def _exit_code(
    run: Run, control: Control, error: StomperError | None, findings: tuple[FindingEnd, ...]
) -> int:
    if error is not None:
        return error.exit_code
    if control.draining and not run.aborted:
        return _INTERRUPTED
    tests = run.state.tests
    skipped = run.state.plan.skipped if run.state.plan else ()
    left = bool(skipped) or any(end.status in ("remaining", "new") for end in findings)
    failed = any(result.outcome in FAILED for result in run.state.results)
    return 1 if left or failed or (tests is not None and tests.state in ("failed", "blind")) else 0


def _left_alone(plan: Plan | None) -> Iterator[FileResult]:
    """A result for each file of which nothing was to be fixed, with the reason."""
    seen = {task.path for task in plan.tasks} if plan else set()
    for skipped in plan.skipped if plan else ():
        if skipped.path not in seen:
            seen.add(skipped.path)
            yield FileResult(skipped.path, "skipped", skipped.reason, remaining=skipped.findings)


def _ends(run: Run) -> Iterator[FindingEnd]:
    plan = run.state.plan
    if plan is None:
        return
    results = run.state.results
    for task in plan.tasks[len(results) :]:
        yield from (FindingEnd(finding, "remaining") for finding in task.findings)
    known = settled(results)
    for task, result in zip(plan.tasks, results, strict=False):
        yield from _ends_of(task, result, known)
    yield from (FindingEnd(finding, "new") for finding in run.state.introduced)
    for skipped in plan.skipped:
        yield from (FindingEnd(finding, "skipped") for finding in skipped.findings)


def _ends_of(
    task: FileTask, result: FileResult, known: Mapping[str, Sequence[Finding]]
) -> Iterator[FindingEnd]:
    yield from (FindingEnd(finding, "fixed") for finding in result.fixed)
    yield from (FindingEnd(finding, "remaining") for finding in result.remaining)
    yield from (FindingEnd(finding, "new") for finding in result.introduced)
    # What somebody else's commit has fixed meanwhile was seen, and is not ours to count.
    yield from (FindingEnd(finding, "skipped") for finding in gone(task, known))


def _place(end: FindingEnd) -> tuple[str, int, int, str]:
    finding = end.finding
    return finding.path, finding.line or 0, finding.column or 0, finding.code
