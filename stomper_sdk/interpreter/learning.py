"""What a run learns from: where it is kept, what was known when the run began, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stomper_sdk.errors import HistoryError
from stomper_sdk.events import Notice
from stomper_sdk.journal.session import state_folder
from stomper_sdk.learning import Experience, Lesson, Recorder, foretell, open_store
from stomper_sdk.learning.experience import LIMIT
from stomper_sdk.model.file import FileResult
from stomper_sdk.model.forecast import Forecast
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.price import Usage
from stomper_sdk.spending import Purse
from stomper_sdk.stages.base import Context
from stomper_sdk.stages.cascade import Tier
from stomper_sdk.vcs.git import in_thread
from stomper_sdk.vcs.repository import Repository

__all__ = [
    "common_folder",
    "foretold",
    "past_lessons",
    "remember",
    "remember_rejected",
    "teach",
    "what_is_known",
]

#: The newest attempts are looked at: what is older than so many tells of other times.
_FORETOLD_FROM = 2000
#: What agents used at most is asked of fewer: a limit is not to be held back by an outlier of long ago.
_RECENT = 500
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
    adaptive = pipeline.prompt.strategy == "adaptive" or pipeline.leads_by_learning
    if recorder is None and not adaptive:
        return None, Experience(), ()
    if repository is not None and repository.tracks(".stomper"):
        return None, Experience(), (_TRACKED,)
    try:
        store = open_store(common_folder(root, repository), create=False)
        if store is None:
            return recorder, Experience(), ()
        try:
            known = Experience.of(store.lessons(LIMIT, until=session)) if adaptive else Experience()
        finally:
            store.close()
    except HistoryError as error:
        return None, Experience(), (f"nothing is learned in this run: {error}",)
    return recorder, known, ()


def past_lessons(
    root: Path, repository: Repository | None, limit: int, until: str = ""
) -> tuple[Lesson, ...]:
    """The newest lessons, none where there are none that can be read and believed.

    Args:
        root: the top of the checkout.
        repository: the one that it belongs to.
        limit: how many at most.
        until: a session's id: only what was known when it began.
    """
    if repository is not None and repository.tracks(".stomper"):
        return ()
    try:
        store = open_store(common_folder(root, repository), create=False)
        if store is None:
            return ()
        try:
            return tuple(store.lessons(limit, until))
        finally:
            store.close()
    except HistoryError:
        return ()


def teach(
    purse: Purse,
    pipeline: Pipeline,
    tiers: Iterable[Tier],
    root: Path,
    repository: Repository | None,
    session: str,
) -> None:
    """Let a limited purse know what the agents' attempts used in past runs. It blocks."""
    uses = {spec.name: spec.use for spec in pipeline.agents}
    kinds = {tier.agent.name: uses.get(tier.agent.name, "python") for tier in tiers}
    for lesson in past_lessons(root, repository, _RECENT, session) if purse.is_limited else ():
        if kinds.get(lesson.agent) == lesson.kind:
            purse.learn(lesson.agent, Usage(lesson.tokens_in, lesson.tokens_out, lesson.cost_usd))


def foretold(plan: Plan, context: Context) -> Forecast | None:
    """What a plan is going to take by what past runs took. It blocks."""
    pipeline, agents = context.pipeline, [tier.agent for tier in context.cascade.tiers]
    uses = {spec.name: spec.use for spec in pipeline.agents}
    return foretell(
        past_lessons(context.root, context.repository, _FORETOLD_FROM),
        {agent.name: uses.get(agent.name, "python") for agent in agents},
        {agent.name for agent in agents if getattr(agent, "free", False)},
        len(plan.tasks),
        pipeline.retry.max_attempts,
        pipeline.parallelism.max_parallel_files,
    )


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
