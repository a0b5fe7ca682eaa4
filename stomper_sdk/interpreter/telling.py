"""From how far a run came to its result: every finding once, and the exit code that follows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from stomper_sdk.errors import StomperError
from stomper_sdk.interpreter.run import Run
from stomper_sdk.interpreter.scheduler import Control
from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.present import hide
from stomper_sdk.model.result import (
    FAILED,
    FileResult,
    FindingEnd,
    FindingStatus,
    RunResult,
    RunStatus,
    gone,
    settled,
)
from stomper_sdk.stages.base import Context

__all__ = ["tell"]

_INTERRUPTED = 130
_GONE = "another commit has fixed it meanwhile"


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
        tests_failed=_tests_failed(run),
        notices=(*state.notices, *_stopped(run, context), *_unlearned(context)),
        error=hide(str(error), context.pipeline.secrets) if error else None,
        spent=context.purse.spending,
    )


def _unlearned(context: Context) -> tuple[str, ...]:
    return (context.recorder.problem,) if context.recorder and context.recorder.problem else ()


def _status(run: Run, control: Control, error: StomperError | None) -> RunStatus:
    if error is not None:
        return "failed"
    if run.aborted or (run.stopped and not control.cancelled):
        return "stopped"
    return "cancelled" if control.draining else "completed"


def _exit_code(
    run: Run, control: Control, error: StomperError | None, findings: tuple[FindingEnd, ...]
) -> int:
    if error is not None:
        return error.exit_code
    if run.stopped and not control.cancelled:
        return run.stopped.exit_code
    if control.draining and not run.aborted:
        return _INTERRUPTED
    left = any(end.is_left for end in findings)
    failed = any(result.outcome in FAILED for result in run.state.results)
    return 1 if left or failed or _tests_failed(run) else 0


def _stopped(run: Run, context: Context) -> Iterator[str]:
    if run.stopped:
        stopped = run.stopped
        raised = f" --set {stopped.key}=MORE" if stopped.key else ""
        command = f"Go on with: stomper-sdk run --resume {context.session.id}{raised}"
        parts = (
            f"stopped: {stopped.message.rstrip('.')}.",
            stopped.hint,
            # One of several runs that share a purse is not gone on with by itself.
            command if context.repository and context.purse.outer is None else "",
        )
        yield hide(" ".join(filter(None, parts)), context.pipeline.secrets)


def _tests_failed(run: Run) -> bool:
    tests = run.state.tests
    return tests is not None and tests.refuses


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
    seen, tree = _by_check(plan.evidence), _by_check(plan.tree_evidence)
    for task in plan.tasks[len(results) :]:
        yield from (FindingEnd(it, "remaining", before=seen.get(it.check)) for it in task.findings)
    known = settled(results)
    for task, result in zip(plan.tasks, results, strict=False):
        before = {**seen, **_by_check(result.before)}
        yield from _ends_of(result, before)
        for it in gone(task, known):
            yield FindingEnd(it, "skipped", gone=True, reason=_GONE, before=seen.get(it.check))
    yield from run.state.introduced
    for skipped in plan.skipped:
        for it in skipped.findings:
            yield FindingEnd(it, "skipped", reason=skipped.reason, before=tree.get(it.check))


def _ends_of(result: FileResult, before: Mapping[str, Evidence]) -> Iterator[FindingEnd]:
    after = _by_check(result.after)
    ends: Sequence[tuple[FindingStatus, Sequence[Finding]]] = (
        ("fixed", result.fixed),
        ("suppressed", result.suppressed),
        ("remaining", result.remaining),
        ("new", result.introduced),
    )
    for status, findings in ends:
        for it in findings:
            yield FindingEnd(
                it,
                status,
                attempt=result.attempt,
                commit=result.commit,
                before=before.get(it.check),
                after=after.get(it.check),
            )


def _by_check(evidence: Iterable[Evidence]) -> Mapping[str, Evidence]:
    return {it.check: it for it in evidence}


def _place(end: FindingEnd) -> tuple[str, int, int, str]:
    finding = end.finding
    return finding.path, finding.line or 0, finding.column or 0, finding.code
