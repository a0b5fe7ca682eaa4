"""The pipeline that a run would use, and the programs that its checks and agents are."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import trio

from stomper_sdk import config
from stomper_sdk.agents.base import Agent, locate
from stomper_sdk.agents.presets.installed import Installed, look_for
from stomper_sdk.agents.presets.table import PRESETS
from stomper_sdk.agents.presets.tool import ToolAgent
from stomper_sdk.checks.base import Check, ToolCheck, Tree
from stomper_sdk.doctor.remark import Remark, remark_of
from stomper_sdk.errors import CheckError, PipelineError, StomperError
from stomper_sdk.interpreter.embedding import hiding, importable
from stomper_sdk.interpreter.planner import Resolved, resolve
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.process import clean_environment, find_program
from stomper_sdk.stages.base import Selection

__all__ = ["Loaded", "agent_remark", "check_remark", "load", "pipeline_remarks", "tools_remark"]

_SECONDS = 30.0


@attrs.frozen
class Loaded:
    """A pipeline with its plug-ins; the error where it is wrong, of which the pipeline may be missing too."""

    pipeline: Pipeline | None = None
    resolved: Resolved | None = None
    error: StomperError | None = None


def load(source: str | None, root: Path, overrides: Mapping[str, object]) -> Loaded:
    """Read a pipeline and look up everything in it, as a run does first."""
    pipeline = None
    try:
        pipeline = config.load_pipeline(source, repo=root, overrides=overrides)
        with importable(Path.cwd(), root), hiding(pipeline.secrets):
            return Loaded(pipeline, resolve(pipeline, Selection(), {}, root))
    except StomperError as error:
        return Loaded(pipeline, None, error)


def pipeline_remarks(loaded: Loaded, source: str | None, root: Path) -> Iterator[Remark]:
    if isinstance(loaded.error, PipelineError):
        remedy = shlex.join(["stomper-sdk", "validate", *filter(None, [source])])
        for problem in loaded.error.problems:
            yield Remark("problem", "pipeline", str(problem), loaded.error.hint or remedy)
    elif loaded.error is not None:
        yield remark_of(loaded.error, "pipeline")
    elif loaded.pipeline is not None:
        origin = Path(loaded.pipeline.origin)
        own = (Path.cwd() / origin).is_relative_to(root)
        shipped = f"the built-in {loaded.pipeline.name}; stomper-sdk init writes one that fits"
        yield Remark("ok", "pipeline", str(origin) if own else shipped)


async def check_remark(check: Check, tree: Tree) -> Remark:
    """Whether a check's tool answers, asked in the tree of a workspace."""
    what = f"check {check.name}"
    try:
        with trio.fail_after(_SECONDS):
            version = await check.version(tree)
    except CheckError as error:
        return attrs.evolve(remark_of(error, what), said=error.message.removeprefix(f"{what}: "))
    except trio.TooSlowError:
        return Remark("problem", what, f"it does not tell its version within {_SECONDS:g} s")
    words = " ".join(check.words) if isinstance(check, ToolCheck) else "version"
    return Remark("ok", what, f"{words} {version}")


async def agent_remark(agent: Agent, tree: Path) -> Remark:
    """Whether an agent's program is there; one given as a path belongs to the workspace."""
    if isinstance(agent, ToolAgent):
        (tool,) = await look_for([agent.preset])
        return _tool_remark(f"agent {agent.name}", tool)
    what, program = f"agent {agent.name}", getattr(agent, "program", None)
    if program is None:
        return Remark("ok", what, "it has no program of its own")
    place = str(tree / program) if os.sep in program else locate(program, clean_environment())
    if find_program(place) is None:
        return Remark(
            "problem", what, f"the program {program!r} is missing", "Install it, or correct the agent."
        )
    return Remark("ok", what, program if os.sep in program else place)


def _tool_remark(what: str, tool: Installed) -> Remark:
    title = tool.preset.title
    if tool.path is None:
        text = f"{title} is missing: there is no program {tool.preset.program!r}"
        return Remark("problem", what, text, tool.preset.install)
    if not tool.version:
        return Remark("warning", what, f"{tool.path} does not tell its version", tool.preset.install)
    return Remark("ok", what, f"{title} {tool.version}, {tool.path}")


async def tools_remark() -> Remark:
    """Which coding-agent tools are there, whether the pipeline uses them or not."""
    tools = await look_for(PRESETS.values())
    there = [f"{tool.preset.name} {tool.version}".strip() for tool in tools if tool.path]
    missing = [tool.preset.name for tool in tools if tool.path is None]
    told = [f"installed: {', '.join(there)}"] if there else []
    told += [f"not installed: {', '.join(missing)} (stomper-sdk agents NAME tells how)"] if missing else []
    return Remark("ok", "agent tools", "; ".join(told))
