from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from stomper_sdk.guard import forbidden
from stomper_sdk.guard.limits import scope_text
from stomper_sdk.prompts import Constraints, PromptInput, choose_level, mentions, render
from stomper_sdk.stages.base import Context, FileState, define_stage
from stomper_sdk.stages.looking import read_text
from stomper_sdk.vcs.git import in_thread

__all__ = ["generate_prompt", "template_of"]


@define_stage("generate_prompt", block="attempt", needs=["workspace"], gives=["prompt"])
async def generate_prompt(state: FileState, context: Context) -> FileState:
    """Say what is to be fixed, at the level that the strategy chooses for this attempt."""
    trial, spec = state.at_work(), context.pipeline.prompt
    template = template_of(spec.template, context.root)
    level = choose_level(spec.strategy, spec.levels, trial.round)
    wanted = mentions(template, level, "explanations")
    explanations = await _explanations(state, context) if wanted else {}
    prompt = render(template, level, await _input(state, context, level, explanations))
    return attrs.evolve(state, trial=attrs.evolve(trial, level=level, prompt=prompt))


def template_of(declared: str, root: Path) -> str:
    """A built-in name as it is; a path from the top of the user's checkout."""
    return declared if declared.isidentifier() else str(root / declared)


async def _input(
    state: FileState, context: Context, level: str, explanations: Mapping[str, str]
) -> PromptInput:
    trial, seen = state.at_work(), state.last.delta if state.last else None
    now = await in_thread(read_text, state.lent().path / state.task.path) if trial.start else None
    guard = context.pipeline.guard
    return PromptInput(
        path=state.task.path,
        source=state.source if now is None else now,
        findings=trial.targets,
        explanations=explanations,
        constraints=Constraints(
            scope_text(state.task.path, guard), guard.max_changed_lines, forbidden(guard.forbid)
        ),
        attempt=trial.round,
        level=level,
        remaining=state.missed,
        introduced=seen.introduced if seen else (),
        rejected=state.refusal,
        pipeline=context.pipeline.name,
    )


async def _explanations(state: FileState, context: Context) -> Mapping[str, str]:
    """What the checks' own tools say of the file's codes."""
    said: dict[str, str] = {}
    for spec in context.pipeline.checks:
        codes = [finding.code for finding in state.at_work().targets if finding.check == spec.name]
        said |= await context.explanations.get(spec.use, codes)
    return said
