"""A pipeline as a drawing; which of its stages work under the main lock, the stages themselves say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from stomper_sdk.errors import PipelineError
from stomper_sdk.interpreter.embedding import importable
from stomper_sdk.model.pipeline import Pipeline, StageSpec
from stomper_sdk.reports.graph import drawing_of
from stomper_sdk.reports.mermaid import mermaid
from stomper_sdk.reports.svg import svg
from stomper_sdk.stages.base import STAGES

__all__ = ["as_mermaid", "as_svg"]


def as_mermaid(pipeline: Pipeline, *folders: Path) -> str:
    """The pipeline as a Mermaid flowchart; in the folders, modules of the user's own may lie."""
    return mermaid(drawing_of(pipeline, _under_lock(pipeline, folders)))


def as_svg(pipeline: Pipeline, *folders: Path) -> str:
    """The same as an SVG."""
    return svg(drawing_of(pipeline, _under_lock(pipeline, folders)))


def _under_lock(pipeline: Pipeline, folders: Sequence[Path]) -> frozenset[str]:
    with importable(*folders):
        return frozenset(name for name in _names(pipeline.stages) if _works_in_main(name))


def _names(specs: Sequence[StageSpec]) -> Iterator[str]:
    for spec in specs:
        yield spec.name
        yield from _names(spec.children)


def _works_in_main(name: str) -> bool:
    """A stage that cannot be found here is drawn all the same, as any other."""
    try:
        return getattr(STAGES.get(name), "scope", "") == "main"
    except PipelineError:
        return False
