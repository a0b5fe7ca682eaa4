from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import attrs
import trio

from stomper_sdk.agents.base import Agent, AgentReply, AgentTask
from stomper_sdk.errors import FINAL, AbandonedError, AgentError, SpentError, StoppedError, UnrecordedError
from stomper_sdk.events import Notice
from stomper_sdk.model.present import hide
from stomper_sdk.model.price import Usage
from stomper_sdk.spending import Booking, Purse
from stomper_sdk.stages.base import Context, FileState, Verdict, define_stage
from stomper_sdk.stages.cascade import Tier
from stomper_sdk.stages.generate_prompt import generate_prompt
from stomper_sdk.stages.trials import conclude, next_trial
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.workspaces.base import in_workspace
from stomper_sdk.workspaces.patches import Patches

__all__ = ["call_agent"]

_GRACE_SECONDS = 10.0


@define_stage("call_agent", block="attempt", needs=["workspace", "prompt"], gives=["edits"])
async def call_agent(
    state: FileState, context: Context, use: Sequence[str] = (), order: str = "declared"
) -> FileState:
    """Let the attempt's agent edit the workspace; one that errors hands over to the next at once.

    Args:
        state: with a prompt.
        context: holds the cascade.
        use: the cascade's names, resolved when the run was planned.
        order: `declared`, or `learned`: begin with the agent that promises the most fixes for its cost.

    Raises:
        RepositoryError: the repository's settings or hooks were changed meanwhile.
    """
    while True:
        trial = state.at_work()
        tier = context.cascade.tiers[trial.agent_index]
        state = attrs.evolve(state, trial=attrs.evolve(trial, agent=tier.agent.name))
        booking = tier.booking(state.task.path)
        try:
            reply = await _ask(tier, _task(state, context), booking, context.purse)
        except (SpentError, StoppedError) as error:
            return attrs.evolve(state, trial=None, stopped=error)
        except (AbandonedError, UnrecordedError):
            raise
        except AgentError as error:
            # Whatever an agent came to, git is not called where what it obeys was changed.
            await in_thread(context.see_settings)
            state = _failed(_begun(state, booking), error, context)
            following = context.cascade.after(trial.agent_index, trial.portion)
            if following is None:
                return state
            state = await _hand_over(state, context, following)
        else:
            await in_thread(context.see_settings)
            state = _begun(state, booking)
            return attrs.evolve(state, trial=attrs.evolve(state.at_work(), reply=reply))


async def _ask(tier: Tier, task: AgentTask, booking: Booking, purse: Purse) -> AgentReply | None:
    """What the agent says, with what that cost, as soon as it can be paid."""
    if purse.is_limited and not booking.free:
        booking.at_most = await in_thread(tier.at_most, task)
    async with purse.reserved(booking):
        try:
            reply = tier.priced(await _edit(tier.agent, task))
        except AgentError as error:
            error.reply = tier.priced(error.reply)
            booking.settle(_used(error.reply), failed=True)
            raise
        booking.settle(_used(reply))
        return reply


def _begun(state: FileState, booking: Booking) -> FileState:
    """The attempt began when it could be paid: what it waited before is none of its time."""
    trial = state.at_work()
    return attrs.evolve(state, trial=attrs.evolve(trial, started=trial.started + booking.waited))


def _used(reply: AgentReply | None) -> Usage:
    return Usage(reply.tokens_in, reply.tokens_out, reply.cost_usd) if reply else Usage()


async def _edit(agent: Agent, task: AgentTask) -> AgentReply | None:
    # An agent that keeps its own limit can say what it had printed until then.
    with trio.move_on_after(agent.timeout + _GRACE_SECONDS):
        return await agent.edit(task)
    text = f"agent {agent.name} was ended at its time limit of {agent.timeout:g} s"
    raise AgentError(text, failure="timeout")


def _task(state: FileState, context: Context) -> AgentTask:
    trial, seen = state.at_work(), state.last.delta if state.last else None
    return AgentTask(
        workspace=state.lent().path,
        path=state.task.path,
        findings=trial.targets,
        prompt=trial.prompt,
        attempt=trial.number,
        level=trial.level,
        pipeline=context.pipeline.name,
        session_id=context.session.id,
        remaining=state.missed,
        introduced=seen.introduced if seen else (),
        rejected=state.refusal,
        confinement=context.confined(state.lent().path, talking=True),
        patches=Patches(state.lent().checkout, context.see_settings),
    )


def _failed(state: FileState, error: AgentError, context: Context) -> FileState:
    """The trial with what stands against it, and with what the agent said and spent until it failed."""
    reason = hide(error.reason, context.pipeline.secrets)
    if error.failure in FINAL:
        context.cascade.bar(state.at_work().agent_index, reason)
        text = f"{state.at_work().agent} is asked nothing more in this run: {reason}"
        context.emit(Notice(context.clock(), text))
    verdict = Verdict("agent_error", reason, error.failure)
    return attrs.evolve(state, trial=attrs.evolve(state.at_work(), verdict=verdict, reply=error.reply))


async def _hand_over(state: FileState, context: Context, place: int) -> FileState:
    """The next agent starts where the one that failed had started, in the same attempt."""
    trial, checkout = state.at_work(), state.lent().checkout
    await in_workspace(checkout.restore, trial.start)
    state = conclude(state, context)
    state = next_trial(
        state, context, trial.number, place, round=trial.round, base=trial.base, portion=trial.portion
    )
    if state.at_work().targets != trial.targets and context.pipeline.stage("generate_prompt"):
        return cast(FileState, await generate_prompt.run(state, context))
    kept = attrs.evolve(state.at_work(), level=trial.level, why=trial.why, prompt=trial.prompt)
    return attrs.evolve(state, trial=kept)
