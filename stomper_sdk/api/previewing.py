"""What an agent would be told: the steps of a plan, and one prompt."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import trio

from stomper_sdk.api.running import plan_of
from stomper_sdk.api.starting import Folder, Order, Source, Start, opened, order_of
from stomper_sdk.errors import UsageError, alone, machine_limits
from stomper_sdk.events import Listener
from stomper_sdk.interpreter.planner import AgentLike
from stomper_sdk.interpreter.previewing import Preview, preview
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.options import nearest
from stomper_sdk.orphans import adopting_orphans
from stomper_sdk.stages.base import Selection
from stomper_sdk.vcs.git import in_thread

__all__ = ["Preview", "prompt"]


def prompt(
    file: str | os.PathLike[str],
    pipeline: Source = None,
    *,
    repo: Folder = ".",
    overrides: Mapping[str, object] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    only: Selection | None = None,
    listeners: Sequence[Listener] = (),
    attempt: int = 1,
    level: str | None = None,
) -> Preview:
    """What an agent would be told of a file; none is asked, and nothing is changed.

    Args:
        file: the file, from the current folder or from the top of the repository.
        pipeline: as for `run`, like what follows.
        repo: the repository's folder, or any folder in it.
        overrides: dotted paths and values.
        agents: agents by name.
        only: narrows the run.
        listeners: called with every event.
        attempt: which attempt, from 1. What became of those before it is not known, hence not told.
        level: a level, in place of the one that the strategy would choose for that attempt.

    Raises:
        UsageError: there is no such file, level or attempt, or the pipeline writes no prompts.
        StomperError: as `run`; also where a check crashes.
    """
    order = order_of(pipeline, repo, overrides, agents, only, listeners, None)
    made: Preview = trio.run(_prompt, order, file, attempt, level)
    return made


async def _prompt(order: Order, file: str | os.PathLike[str], attempt: int, level: str | None) -> Preview:
    with machine_limits(permissions=True), alone(), adopting_orphans():
        async with opened(order) as start:
            path = await in_thread(_path_in, start.context.root, file)
            start = _asked(start, attempt, level)
            plan = await plan_of(start, order.control)
            return await preview(path, attempt, plan, start.context)


def _path_in(root: Path, file: str | os.PathLike[str]) -> str:
    """The file relative to the top of the repository: as it is from the current folder, else from the top."""
    here = Path(file).absolute()
    for place in (here, here.parent.resolve() / here.name, root / file):
        inside = Path(os.path.normpath(place))
        if os.path.lexists(place) and inside.is_relative_to(root):
            return inside.relative_to(root).as_posix()
    raise UsageError(f"there is no file {os.fspath(file)} in {root}")


def _asked(start: Start, attempt: int, level: str | None) -> Start:
    """The same with the level that is asked for.

    Raises:
        UsageError: no attempt would have that number, or no prompt that level.
    """
    pipeline: Pipeline = start.context.pipeline
    if pipeline.stage("generate_prompt") is None:
        raise UsageError(
            f"the pipeline {pipeline.name} has no stage generate_prompt, so it writes no prompts"
        )
    most, levels = pipeline.retry.max_attempts, pipeline.prompt.levels
    if not 1 <= attempt <= most:
        text = f"there is no attempt {attempt}: retry.max_attempts is {most}"
        raise UsageError(text, "Raise it with --set retry.max_attempts=N to see what would be said.")
    if level is None:
        return start
    if level not in levels:
        near = nearest(level, levels)
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(levels)}."
        raise UsageError(f"there is no level {level!r}", hint)
    spec = attrs.evolve(pipeline.prompt, strategy=f"fixed:{level}")
    context = attrs.evolve(start.context, pipeline=attrs.evolve(pipeline, prompt=spec))
    return attrs.evolve(start, context=context)
