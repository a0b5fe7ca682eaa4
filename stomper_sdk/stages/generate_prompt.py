from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import attrs

from stomper_sdk.guard import forbidden
from stomper_sdk.guard.limits import scope_text
from stomper_sdk.prompts import (
    Constraints,
    LastAttempt,
    PromptInput,
    Related,
    mentions,
    read_guides,
    render,
)
from stomper_sdk.prompts.advice import Advice, advice
from stomper_sdk.stages.base import Context, FileState, define_stage
from stomper_sdk.stages.leveling import level_of
from stomper_sdk.stages.looking import read_text
from stomper_sdk.stages.retelling import Retelling
from stomper_sdk.vcs.git import in_thread

__all__ = ["generate_prompt"]


@define_stage("generate_prompt", block="attempt", needs=["workspace"], gives=["prompt"])
async def generate_prompt(state: FileState, context: Context) -> FileState:
    """Say what is to be fixed, at the level that the strategy chooses for this attempt."""
    trial = state.at_work()
    choice = level_of(state, context)
    prompt = render(context.template, choice.level, await _input(state, context, choice.level))
    why = "; ".join(filter(None, (trial.why, choice.why))) or None
    return attrs.evolve(state, trial=attrs.evolve(trial, level=choice.level, why=why, prompt=prompt))


async def _input(state: FileState, context: Context, level: str) -> PromptInput:
    """What the template can speak of; what it does not speak of is not found out where that costs time."""
    trial, path, root = state.at_work(), state.task.path, state.lent().path
    now = await in_thread(read_text, root / path) if trial.start else None
    source = state.source if now is None else now
    guard, retelling = context.pipeline.guard, Retelling.of(context.root, root)
    speaks_of = partial(mentions, context.template, level)
    guides, neighbours = context.pipeline.prompt.guides, context.neighbours
    return PromptInput(
        path=path,
        source=source,
        findings=retelling.findings(trial.targets),
        explanations=await _explanations(state, context) if speaks_of("explanations") else {},
        advice=_advice(state, context) if speaks_of("advice") else {},
        guides=await in_thread(read_guides, guides, root) if guides and speaks_of("guides") else (),
        related=await neighbours.of(path, source, trial.targets, root) if speaks_of("related") else Related(),
        constraints=Constraints(scope_text(path, guard), guard.max_changed_lines, forbidden(guard.forbid)),
        attempt=trial.round,
        level=level,
        last=_last(state, retelling),
        pipeline=context.pipeline.name,
    )


def _last(state: FileState, retelling: Retelling) -> LastAttempt | None:
    """None where this is the first at its findings, also after another commit changed the file."""
    if state.last is None or state.at_work().round == 1:
        return None
    delta, tests = state.last.delta, state.last.tests
    kept = state.at_work().base is state.last
    seen = LastAttempt(rejected=retelling.text(state.refusal or "") or None, kept=kept)
    if tests is not None:
        seen = attrs.evolve(seen, failures=retelling.failures(tests.failures))
    if delta is not None:
        seen = attrs.evolve(
            seen,
            remaining=retelling.findings(state.missed),
            suppressed=retelling.findings(delta.suppressed),
            introduced=retelling.findings(delta.introduced),
        )
    return seen


async def _explanations(state: FileState, context: Context) -> Mapping[str, str]:
    """What the checks' own tools say of the file's codes."""
    said: dict[str, str] = {}
    for spec in context.pipeline.checks:
        codes = [finding.code for finding in state.at_work().targets if finding.check == spec.name]
        said |= await context.explanations.get(spec.use, codes)
    return said


def _advice(state: FileState, context: Context) -> Mapping[str, Advice]:
    uses = {spec.name: spec.use for spec in context.pipeline.checks}
    codes = {(finding.check, finding.code) for finding in state.at_work().targets}
    found = {code: advice(uses.get(check, check), code) for check, code in codes}
    return {code: said for code, said in found.items() if said is not None}
