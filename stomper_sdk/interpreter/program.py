"""A pipeline's stages as a program: every name resolved, every option known, the order possible."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from functools import partial
from operator import attrgetter
from typing import Any

import attrs

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.model.pipeline import CommitSpec, Pipeline, StageSpec
from stomper_sdk.options import build, nearest
from stomper_sdk.signatures import refusal
from stomper_sdk.stages.base import STAGES, BlockName, Stage, define_stage

__all__ = ["Block", "Program", "Step", "compile_stages"]

_BLOCKS: dict[str, BlockName] = {"for_each_file": "file", "attempt": "attempt"}
_NAMES = {"run": "the top level", "file": "for_each_file", "attempt": "attempt"}
_FIRST_GIVEN = {
    "session": "initialize",
    "plan": "collect_errors",
    "workspace": "create_worktree",
    "prompt": "generate_prompt",
    "edits": "call_agent",
    "verified": "verify_fixes",
    "diff": "extract_diff",
    "applied": "apply_to_main",
    "results": "for_each_file",
}
_NO_WORKSPACE = "no workspace is made"
_NO_COMMIT = "nothing is committed"
_NOT_IN_PLACE = {
    "files.since": "a folder that is no repository has no revisions",
    "workspace.include": _NO_WORKSPACE,
    "workspace.link": _NO_WORKSPACE,
    "workspace.setup": _NO_WORKSPACE,
    "apply.target": _NO_COMMIT,
    "apply.branch": _NO_COMMIT,
    **{f"apply.commit.{field.name}": _NO_COMMIT for field in attrs.fields(CommitSpec)},
}


@attrs.frozen
class Step:
    """A stage with its options."""

    stage: Stage
    options: dict[str, Any]


@attrs.frozen
class Block:
    """`for_each_file` or `attempt` with what stands in it."""

    name: str
    steps: tuple[Step | Block, ...]


@attrs.frozen
class Program:
    """The top level of a pipeline's stages."""

    steps: tuple[Step | Block, ...]

    def stages(self) -> Iterator[Stage]:
        """Every stage, in the order in which it stands."""
        pending: list[Step | Block] = list(self.steps)
        while pending:
            node = pending.pop(0)
            if isinstance(node, Block):
                pending = [*node.steps, *pending]
            else:
                yield node.stage


def compile_stages(pipeline: Pipeline) -> Program:
    """Resolve the stages of a pipeline and see that their order can work.

    Raises:
        PipelineError: unknown stages or options, or an impossible order; it holds all of it.
    """
    problems: list[Problem] = []
    steps = tuple(_node(spec, "run", f"stages[{n}]", problems) for n, spec in enumerate(pipeline.stages))
    program = Program(tuple(node for node in steps if node is not None))
    if not problems:
        given = {"workspace"} if pipeline.workspace.kind == "direct" else set()
        _check_order(program.steps, pipeline.stages, given, "stages", problems)
        problems += _whole(program, pipeline)
    if problems:
        raise PipelineError(problems)
    return program


def _node(spec: StageSpec, block: BlockName, path: str, problems: list[Problem]) -> Step | Block | None:
    if spec.name in _BLOCKS:
        inner = _BLOCKS[spec.name]
        children = [
            _node(child, inner, f"{path}.{spec.name}[{number}]", problems)
            for number, child in enumerate(spec.children)
        ]
        return Block(spec.name, tuple(child for child in children if child is not None))
    try:
        stage, options = _stage(spec, path)
    except PipelineError as error:
        problems += [attrs.evolve(problem, file=spec.where) for problem in error.problems]
        return None
    if stage.block is not None and stage.block != block:
        text = f"{spec.name} stands in {_NAMES[block]}; its place is {_NAMES[stage.block]}"
        problems.append(Problem(text, path, spec.where))
    return Step(stage, options)


def _stage(spec: StageSpec, path: str) -> tuple[Stage, dict[str, Any]]:
    plugin: Any = STAGES.get(spec.name, path)
    options = dict(spec.options)
    if inspect.isclass(plugin):
        return _stage_of_class(plugin, spec.name, options, path), {}
    stage = plugin if isinstance(plugin, Stage) else _stage_of_function(plugin, spec.name, path)
    problems = [
        Problem(f"unknown option {name!r} of {spec.name}", path, suggestion=nearest(name, stage.options))
        for name in options.keys() - stage.options
    ]
    missing = stage.required - options.keys()
    problems += [Problem(f"{spec.name} needs the option {name!r}", path) for name in sorted(missing)]
    if problems:
        raise PipelineError(problems)
    return stage, options


def _stage_of_class(plugin: type[Any], name: str, options: dict[str, Any], path: str) -> Stage:
    """A class is a stage whose fields are its options, with a method `run(state, context)`."""
    made = build(plugin, name, options, path)
    stage = _stage_of_function(getattr(made, "run", None), name, path)
    given: dict[str, Any] = {
        word: frozenset(getattr(plugin, word, ())) for word in ("needs", "gives", "takes")
    }
    given |= {word: getattr(plugin, word) for word in ("block", "scope") if hasattr(plugin, word)}
    return attrs.evolve(stage, **given)


def _stage_of_function(function: Any, name: str, path: str) -> Stage:
    if not inspect.iscoroutinefunction(function):
        text = f"the stage {name} is not an async function of (state, context)"
        raise PipelineError([Problem(text, path)])
    stage = define_stage(name)(function)
    wrong = refusal(partial(function, **dict.fromkeys(stage.required)), "state", "context")
    if wrong:
        raise PipelineError([Problem(f"the stage {name}: {wrong}", path)])
    return stage


def _check_order(
    nodes: Collection[Step | Block],
    specs: Collection[StageSpec],
    given: set[str],
    path: str,
    problems: list[Problem],
) -> None:
    """Walk the tree as it will run; `given` is what holds at this point."""
    for number, (node, spec) in enumerate(zip(nodes, specs, strict=True)):
        here = f"{path}[{number}]"
        if isinstance(node, Block):
            if node.name == "for_each_file":
                _need({"plan"}, given, node.name, here, spec.where, problems)
                _check_order(node.steps, spec.children, set(given), f"{here}.for_each_file", problems)
                given.add("results")
            else:
                _check_order(node.steps, spec.children, given, f"{here}.attempt", problems)
            continue
        _need(node.stage.needs, given, node.stage.name, here, spec.where, problems)
        given -= node.stage.takes
        given |= node.stage.gives


def _need(
    needs: Collection[str], given: set[str], name: str, path: str, where: str, problems: list[Problem]
) -> None:
    for word in sorted(set(needs) - given):
        giver = _FIRST_GIVEN.get(word, word)
        problems.append(Problem(f"{name} can only stand after {giver}", path, where))
        given.add(word)


def _whole(program: Program, pipeline: Pipeline) -> Iterator[Problem]:
    """What is wrong with the tree as a whole."""
    names = [stage.name for stage in program.stages()]
    for name in sorted({name for name in names if names.count(name) > 1} & set(_FIRST_GIVEN.values())):
        yield Problem(f"{name} stands twice", "stages")
    if ("apply_to_main" in names) != ("commit_in_main" in names):
        yield Problem("apply_to_main and commit_in_main only work together", "stages")
    if pipeline.workspace.kind == "direct":
        wrong = {"create_worktree", "destroy_worktree", "extract_diff", "apply_to_main", "commit_in_main"}
        for name in sorted(wrong.intersection(names)):
            yield Problem(
                f"{name} has no place where workspace.kind is direct: fixes stay where they are", "stages"
            )
        if pipeline.parallelism.max_parallel_files > 1:
            yield Problem(
                "workspace.kind: direct fixes one file at a time: set it to 1",
                "parallelism.max_parallel_files",
            )
        yield from _idle_in_place(pipeline)


def _idle_in_place(pipeline: Pipeline) -> Iterator[Problem]:
    """Options that would do nothing where workspace.kind is direct; somebody counts on them."""
    untouched = Pipeline(pipeline.name, ())
    idle = [path for path in _NOT_IN_PLACE if attrgetter(path)(pipeline) != attrgetter(path)(untouched)]
    for path in idle:
        yield Problem(f"it does nothing where workspace.kind is direct: {_NOT_IN_PLACE[path]}", path)
    if pipeline.test_validation.mode == "final":
        text = "it tests nothing where workspace.kind is direct: there is no commit to test"
        yield Problem(text, "test_validation.mode")
