"""What a run learns from: where it is kept, what was known when the run began, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stomper_sdk.errors import HistoryError
from stomper_sdk.events import Notice
from stomper_sdk.journal.session import state_folder
from stomper_sdk.learning import Experience, Recorder, open_store
from stomper_sdk.model.file import FileResult
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.stages.base import Context
from stomper_sdk.stages.cascade import Tier
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository

__all__ = ["common_folder", "remember", "remember_rejected", "what_is_known"]

_TRACKED = "git tracks .stomper, so nothing in it is believed: nothing is learned, nor from what was"


def common_folder(root: Path, repository: Repository | None) -> Path:
    """The state folder that all checkouts of a repository share: the main one's."""
    if repository is not None and repository.common_dir.name == ".git":
        return repository.common_dir.parent / ".stomper"
    return root / ".stomper"


def what_is_known(
    pipeline: Pipeline,
    tiers: Iterable[Tier],
    root: Path,
    repository: Repository | None,
    session: str,
) -> tuple[Recorder | None, Experience, tuple[str, ...]]:
    """What writes down attempts, None for nothing; what past ones taught; and what to tell the user.

    A run that is resumed knows what it knew when it began.
    """
    recorder = _recorder(pipeline, tiers, root, repository, session)
    adaptive = pipeline.prompt.strategy == "adaptive"
    if recorder is None and not adaptive:
        return None, Experience(), ()
    if repository is not None and repository.tracks(".stomper"):
        return None, Experience(), (_TRACKED,)
    try:
        store = open_store(common_folder(root, repository), create=False)
        if store is None:
            return recorder, Experience(), ()
        try:
            known = Experience.of(store.lessons(until=session)) if adaptive else Experience()
        finally:
            store.close()
    except HistoryError as error:
        return None, Experience(), (f"nothing is learned in this run: {error}",)
    return recorder, known, ()


def _recorder(
    pipeline: Pipeline, tiers: Iterable[Tier], root: Path, repository: Repository | None, session: str
) -> Recorder | None:
    record, uses = pipeline.learning.record, {agent.name: agent for agent in pipeline.agents}
    if record == "none":
        return None
    kinds = {}
    for name in (tier.agent.name for tier in tiers):
        spec = uses.get(name)
        if record == "all" or spec is None or spec.use != "replay" or spec.options.get("mode") == "record":
            kinds[name] = spec.use if spec else "python"
    folder = common_folder(root, repository)
    if repository is not None:
        folder = state_folder(folder.parent)
    return Recorder(folder, session, kinds, pipeline.secrets)


async def remember(result: FileResult, context: Context, lines: int | None = None) -> None:
    """Write down a file's attempts; a failure is told once, and the run goes on without."""
    recorder = context.recorder
    if recorder is not None and await in_thread(recorder.record, result, lines):
        context.emit(Notice(context.clock(), recorder.problem))


async def remember_rejected(
    before: Iterable[FileResult], after: Iterable[FileResult], context: Context
) -> None:
    """Tell anew of fixes that were taken and did not stay."""
    known = {result.path: result.outcome for result in before}
    for result in after:
        if result.outcome == "rejected" and known.get(result.path) != "rejected":
            await remember(result, context)
