"""What an agent would be told of one file, without asking any."""

from __future__ import annotations

from contextlib import AsyncExitStack

import attrs

from stomper_sdk.interpreter.portions import next_portion
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.model.present import hide
from stomper_sdk.stages.base import Context, FileState, Trial
from stomper_sdk.stages.create_worktree import create_worktree
from stomper_sdk.stages.generate_prompt import generate_prompt

__all__ = ["Preview", "preview"]


@attrs.frozen
class Preview:
    """The prompt of one attempt at a file.

    `prompt` is None where no agent would be asked: then `reason` says why, and `findings` are those that
    stay as they are. `why` says how the strategy came to the level, where it has more to say than its name.
    """

    path: str
    attempt: int
    agent: str = ""
    level: str = ""
    why: str = ""
    prompt: str | None = None
    findings: tuple[Finding, ...] = ()
    reason: str = ""


async def preview(path: str, attempt: int, plan: Plan, context: Context) -> Preview:
    """Lend the file a workspace, and write the prompt as `generate_prompt` does.

    Args:
        path: relative to the top of the repository.
        attempt: its number, from 1. Of the attempts before it nothing is known, so nothing is told.
        plan: what a run would do.
        context: what a run has before its first file.
    """
    task = next((task for task in plan.tasks if task.path == path), None)
    if task is None:
        return _left_alone(path, attempt, plan)
    async with AsyncExitStack() as stack:
        context = attrs.evolve(context, plan=plan, stack=stack)
        state: FileState = await create_worktree.run(FileState(task), context)
        return await _previewed(state, attempt, context)


async def _previewed(state: FileState, attempt: int, context: Context) -> Preview:
    task: FileTask = state.task
    wanted = next_portion(task.findings, context.pipeline.processing)
    portion = tuple(finding for finding in task.findings if finding in wanted)
    place = context.cascade.pick(attempt - 1, portion)
    if place is None:
        reason = "its findings are for none of the agents (see `when`)"
        return Preview(task.path, attempt, findings=task.findings, reason=reason)
    tier = context.cascade.tiers[place]
    trial = Trial(
        attempt, place, context.clock(), round=attempt, portion=portion, targets=tier.asked(portion)
    )
    state = await generate_prompt.run(attrs.evolve(state, trial=trial), context)
    made = state.at_work()
    text = hide(made.prompt, context.pipeline.secrets)
    return Preview(task.path, attempt, tier.agent.name, made.level, made.why or "", text, trial.targets)


def _left_alone(path: str, attempt: int, plan: Plan) -> Preview:
    skipped = [skip for skip in plan.skipped if skip.path == path]
    if not skipped:
        return Preview(path, attempt, reason="it has no findings that this pipeline would fix")
    findings = tuple(finding for skip in skipped for finding in skip.findings)
    reason = "; ".join(dict.fromkeys(skip.reason for skip in skipped))
    return Preview(path, attempt, findings=findings, reason=f"it is skipped: {reason}")
