"""The level of the attempt at work, by the pipeline's strategy and what was learned."""

from __future__ import annotations

from collections import Counter

from stomper_sdk.learning import Choice, Situation
from stomper_sdk.model.file import Attempt
from stomper_sdk.prompts import choose_level
from stomper_sdk.stages.base import Context, FileState

__all__ = ["level_of"]

#: Outcomes that say nothing of the level: the agent broke down, or somebody else was faster.
_NOT_ITS_FAULT = ("agent_error", "conflict")


def level_of(state: FileState, context: Context) -> Choice:
    """The level of the trial at work.

    What was learned changes from run to run. So it does not decide for an agent that is recorded and
    replayed, which finds its answer only where it is asked the same again; nor for a fixer that does the
    same whatever it is told.
    """
    trial, spec = state.at_work(), context.pipeline.prompt
    agent, strategy = context.cascade.tiers[trial.agent_index].agent, spec.strategy
    if strategy == "adaptive" and (agent.once or _is_replayed(agent.name, context)):
        strategy = "escalate"
    situation = Situation(
        context.experience,
        agents=(agent.name,),
        findings=Counter((finding.check, finding.code) for finding in trial.targets),
        failed=_failed(state.attempts) if trial.round > 1 else (),
        again=trial.round > 1,
        seed=context.pipeline.learning.seed,
        path=state.task.path,
        attempt=trial.number,
    )
    return choose_level(strategy, spec.levels, trial.round, situation)


def _is_replayed(name: str, context: Context) -> bool:
    return any(spec.name == name and spec.use == "replay" for spec in context.pipeline.agents)


def _failed(attempts: tuple[Attempt, ...]) -> tuple[tuple[str, str], ...]:
    """The agents and levels that have tried the same findings, back to the first round at them."""
    first = max((place for place, attempt in enumerate(attempts) if attempt.round == 1), default=0)
    return tuple((it.agent, it.level) for it in attempts[first:] if it.outcome not in _NOT_ITS_FAULT)
