"""What a drawing of a pipeline shows: boxes in the order in which they work, some inside others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Literal

import attrs

from stomper_sdk.model.pipeline import Pipeline, StageSpec
from stomper_sdk.model.present import counted, hide, one_line

__all__ = ["Box", "Drawing", "drawing_of"]

Kind = Literal["stage", "values", "for_each_file", "attempt", "main"]
_NAME, _TEXT = 120, 600


@attrs.frozen
class Box:
    """A stage, or what holds some: `for_each_file`, `attempt`, and stages under the `main` lock.

    `lines` tell how it is set; `again` says, of an attempt, what leads to another one.
    """

    title: str
    lines: tuple[str, ...] = ()
    kind: Kind = "stage"
    inner: tuple[Box, ...] = ()
    again: str = ""


@attrs.frozen
class Drawing:
    """A pipeline as boxes, the first above; nothing in its texts is obeyed by a terminal."""

    title: str
    description: str
    boxes: tuple[Box, ...]


def drawing_of(pipeline: Pipeline, main: Collection[str]) -> Drawing:
    """The boxes of a pipeline.

    Args:
        pipeline: what to draw.
        main: the names of the stages that work under the lock of the user's repository.
    """

    def shown(text: str, limit: int = _NAME) -> str:
        return one_line(hide(text, pipeline.secrets), limit)

    checks = tuple(_called(spec.name, spec.use) for spec in pipeline.checks)
    folds = tuple(
        f"{spec.name} = {spec.reduce} of {spec.source}{_where(spec.where)}" for spec in pipeline.reducers
    )
    boxes = [
        *([Box("checks", checks, "values")] if checks else []),
        *_boxes(pipeline.stages, pipeline, main),
        *([Box("reducers", folds, "values")] if folds else []),
    ]
    return Drawing(
        shown(pipeline.name), shown(pipeline.description, _TEXT), tuple(_shown(box, shown) for box in boxes)
    )


def _boxes(specs: Sequence[StageSpec], pipeline: Pipeline, main: Collection[str]) -> Iterator[Box]:
    """A box for each stage; neighbours under the main lock share one, as they share the lock."""
    locked: list[Box] = []
    for spec in specs:
        box = _box(spec, pipeline, main)
        if spec.name in main and not spec.children:
            locked.append(box)
            continue
        yield from _lock(locked)
        locked = []
        yield box
    yield from _lock(locked)


def _lock(locked: Sequence[Box]) -> Iterator[Box]:
    if locked:
        yield Box("main lock", ("one file at a time",), "main", tuple(locked))


def _box(spec: StageSpec, pipeline: Pipeline, main: Collection[str]) -> Box:
    inner = tuple(_boxes(spec.children, pipeline, main))
    if spec.name == "for_each_file":
        files = pipeline.parallelism.max_parallel_files
        return Box(
            "for each file", (f"{files} at a time" if files > 1 else "one at a time",), "for_each_file", inner
        )
    if spec.name == "attempt":
        rounds, causes = pipeline.retry.max_attempts, ", ".join(pipeline.retry.on)
        again = f"again after {causes}" if rounds > 1 and causes else ""
        return Box("attempt", (f"up to {counted(rounds, 'time')}",), "attempt", inner, again)
    tell = _TOLD.get(spec.name)
    return Box(spec.name, tuple(tell(spec, pipeline)) if tell else ())


def _agents(spec: StageSpec, pipeline: Pipeline) -> Iterator[str]:
    """The cascade: attempt n goes to agent n, later ones to the last."""
    uses = {agent.name: agent.use for agent in pipeline.agents}
    names = spec.options.get("use", ())
    for name in names if isinstance(names, list | tuple) else (names,):
        yield f"→ {_called(str(name), uses.get(name, str(name)))}"


def _levels(_: StageSpec, pipeline: Pipeline) -> Iterator[str]:
    strategy, levels = pipeline.prompt.strategy, " → ".join(pipeline.prompt.levels)
    yield levels if strategy == "escalate" else strategy


def _guard(_: StageSpec, pipeline: Pipeline) -> Iterator[str]:
    yield "the checks look again"
    scope = pipeline.guard.scope
    may = {"file": "its own file only", "repo": "any file"}
    yield f"a fix may change {may[scope] if isinstance(scope, str) else ', '.join(scope)}"


def _tests(_: StageSpec, pipeline: Pipeline) -> Iterator[str]:
    yield f"mode {pipeline.test_validation.mode}"


def _target(_: StageSpec, pipeline: Pipeline) -> Iterator[str]:
    yield "to the current branch" if pipeline.apply.target == "current" else f"to {pipeline.apply.branch}"


_TOLD: Mapping[str, Callable[[StageSpec, Pipeline], Iterator[str]]] = {
    "call_agent": _agents,
    "commit_in_main": _target,
    "generate_prompt": _levels,
    "run_tests": _tests,
    "verify_fixes": _guard,
}


def _called(name: str, use: str) -> str:
    return name if name == use else f"{name} ({use})"


def _where(where: str) -> str:
    return "" if where == "any" else f", {where}"


def _shown(box: Box, shown: Callable[[str], str]) -> Box:
    return attrs.evolve(
        box,
        title=shown(box.title),
        lines=tuple(shown(line) for line in box.lines),
        inner=tuple(_shown(inner, shown) for inner in box.inner),
        again=shown(box.again),
    )
