"""The run: the top level of the pipeline's stages, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from stomper_sdk.errors import StomperError, StoppedError
from stomper_sdk.interpreter.closing import close_run
from stomper_sdk.interpreter.file_run import run_file
from stomper_sdk.interpreter.learning import remember_rejected
from stomper_sdk.interpreter.program import Block, Program, Step
from stomper_sdk.interpreter.scheduler import Control, Gauge, run_bounded
from stomper_sdk.interpreter.steps import run_step
from stomper_sdk.journal.log import Journal
from stomper_sdk.journal.records import Opened, Planned
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.model.result import Attempt, FileResult
from stomper_sdk.stages.base import Context, RunState
from stomper_sdk.vcs.git import in_thread

__all__ = ["Run", "interpret"]

#: The stages that still run after a cancel: what has ended is told, and nothing is left behind.
_ALWAYS = frozenset({"aggregate_results", "cleanup"})


@attrs.define
class Run:
    """How far the run has come, kept where an error that ends it cannot take it along.

    `opened` is what goes into the journal first; a run that is resumed has none, and a plan. `stopped` says
    why files were left for a resumed run, `carried` are the attempts that were made at these before, by path.
    """

    state: RunState = RunState()
    opened: Opened | None = None
    gauge: Gauge = attrs.field(factory=Gauge)
    aborted: bool = False
    stopped: StoppedError | None = None
    carried: Mapping[str, tuple[Attempt, ...]] = attrs.field(factory=dict)
    ended: list[FileResult] = attrs.field(factory=list)


async def interpret(program: Program, context: Context, control: Control, run: Run) -> None:
    """Walk the program. What was done is in `run`, also when this raises.

    Raises:
        StomperError: what ends a run: a check that crashed, a repository that cannot be written.
    """
    for index, node in enumerate(program.steps):
        try:
            await _step(node, context, control, run)
        except StomperError:
            for later in program.steps[index + 1 :]:
                if isinstance(later, Step) and later.stage.name in _ALWAYS:
                    await _step(later, context, control, run)
            raise


async def _step(node: Step | Block, context: Context, control: Control, run: Run) -> None:
    context = attrs.evolve(context, plan=run.state.plan)
    if isinstance(node, Block):
        await _for_each_file(node, context, control, run)
    elif node.stage.name in _ALWAYS:
        run.state = await run_step(node, run.state, context, None)
    elif "plan" in node.stage.gives and run.state.plan is not None:
        return
    elif not control.cancelled:
        with control.scope():
            run.state = await run_step(node, run.state, context, None)


async def _for_each_file(block: Block, context: Context, control: Control, run: Run) -> None:
    plan = run.state.plan
    if plan is None:
        return
    if run.opened is not None:
        await in_thread(_open_journal, context.session.journal, run.opened, plan)
    known = {result.path for result in run.ended}

    def stop(error: StoppedError) -> None:
        run.stopped = error
        if error.whole:
            control.drain()

    def ended(result: FileResult, error: StomperError | None) -> None:
        run.ended.append(result)
        if isinstance(error, StoppedError):
            stop(error)
        if result.outcome == "error" and context.pipeline.on_error == "abort" and not control.draining:
            run.aborted = True
            control.drain()

    async def work(task: FileTask) -> None:
        if (error := context.purse.refusal) is not None:
            stop(error)
        else:
            await run_file(task, block, context, ended, run.carried.get(task.path, ()))

    try:
        limit = context.pipeline.parallelism.max_parallel_files
        await run_bounded(
            [task for task in plan.tasks if task.path not in known],
            work,
            limit,
            control,
            run.gauge,
            context.slots,
        )
    finally:
        run.state = attrs.evolve(run.state, results=in_plan_order(plan.tasks, run.ended, run.stopped))
    if not control.cancelled:
        with control.scope():
            settled = run.state.results
            run.state = await close_run(run.state, context)
            await remember_rejected(settled, run.state.results, context)


def _open_journal(journal: Journal, opened: Opened, plan: Plan) -> None:
    journal.append(opened)
    journal.append(Planned(plan))


def in_plan_order(
    tasks: Sequence[FileTask], ended: Sequence[FileResult], stopped: StoppedError | None
) -> tuple[FileResult, ...]:
    """Every task's result; one that never ended is `cancelled`."""
    by_path = {result.path: result for result in ended}
    reason = "the run was stopped before it ended" + (f": {stopped.message}" if stopped else "")
    return tuple(
        by_path.get(task.path) or FileResult(task.path, "cancelled", reason, remaining=task.findings)
        for task in tasks
    )
