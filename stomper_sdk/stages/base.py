"""The contract of a stage, the state that travels through the stages, and what they need of the world.

A stage of one file is `async def stage(state: FileState, context: Context, **options) -> FileState`; one
of the run takes and returns a `RunState`. A stage never sets an outcome: it adds what it did and saw, and
the outcome follows from that.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import attrs
import trio

from stomper_sdk.agents.base import AgentReply
from stomper_sdk.checks.base import Check
from stomper_sdk.errors import AgentFailure, StomperError
from stomper_sdk.events import Event
from stomper_sdk.journal.session import Session
from stomper_sdk.learning import Experience, Recorder
from stomper_sdk.model.evidence import Evidence
from stomper_sdk.model.finding import Delta, Finding, compare
from stomper_sdk.model.pipeline import Pipeline
from stomper_sdk.model.plan import FileTask, Plan
from stomper_sdk.model.result import Attempt, AttemptOutcome, FileResult, FindingEnd
from stomper_sdk.process import Confinement
from stomper_sdk.prompts import Explanations, Neighbours, Template
from stomper_sdk.registry import Registry
from stomper_sdk.sandbox import Sandbox
from stomper_sdk.spending import Purse
from stomper_sdk.stages.cascade import Cascade
from stomper_sdk.validation import TestSuite, TestVerdict
from stomper_sdk.vcs.checkout import Change
from stomper_sdk.vcs.locks import SharedLock
from stomper_sdk.vcs.repository import Applied, Repository, Target
from stomper_sdk.workspaces.base import Lender, Workspace

__all__ = [
    "STAGES",
    "Context",
    "FileState",
    "RunState",
    "Selection",
    "Stage",
    "Trial",
    "Verdict",
    "define_stage",
]

BlockName = Literal["run", "file", "attempt"]


@attrs.frozen
class Selection:
    """What the caller narrows a run to, by name; empty means everything."""

    checks: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


@attrs.frozen
class Verdict:
    """Why an attempt was not taken; `failure` where it was the agent's."""

    outcome: AttemptOutcome
    reason: str
    failure: AgentFailure | None = None


@attrs.frozen
class Trial:
    """The attempt at work: what it starts from, what the agent did, and what was seen afterwards.

    `round` counts the attempts at the same portion of the file's findings, from 1. `agent_index` is the
    place in the cascade. `base` is the earlier trial whose tree it goes on from, None for the workspace as
    it was lent. Of the `portion`, the agent is asked about the `targets`. `delta` tells of the file's own
    findings, and of every new one; `also_fixed` are findings of other files that are gone with it;
    `evidence` proves the look that saw so.
    """

    number: int
    agent_index: int
    started: float
    round: int = 1
    base: Trial | None = attrs.field(default=None, repr=False)
    portion: tuple[Finding, ...] = ()
    targets: tuple[Finding, ...] = ()
    agent: str = ""
    level: str = ""
    why: str | None = None
    prompt: str = ""
    reply: AgentReply | None = None
    changes: tuple[Change, ...] = ()
    delta: Delta | None = None
    also_fixed: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    tests: TestVerdict | None = None
    verdict: Verdict | None = None

    @property
    def start(self) -> tuple[Change, ...]:
        """The changes with which it began."""
        return self.base.changes if self.base else ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its number, after those of the trials whose edits it has kept."""
        return (*(self.base.numbers if self.base else ()), self.number)


@attrs.frozen
class FileState:
    """One file on its way.

    `before` is what the checks saw in the workspace before any fix: the file's own findings, targeted or
    not, and for checks of scope `project` everybody's; `evidence` proves that look where it was not the
    plan's. `source` is the file's text then. `last` is the trial before the one at work, `best` the one
    that will be applied. `base` is the commit that the workspace was lent at, also when it is gone again.
    `rounds` have been made already of those that `retry` allows, before the file was begun afresh.
    `stopped` says why no further attempt could be made.
    """

    task: FileTask
    before: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    source: str = attrs.field(default="", repr=False)
    workspace: Workspace | None = None
    base: str | None = None
    trial: Trial | None = None
    last: Trial | None = None
    best: Trial | None = None
    attempts: tuple[Attempt, ...] = ()
    rounds: int = 0
    stopped: StomperError | None = None
    fix: tuple[Change, ...] = ()
    applied: Applied | None = None
    commit: str | None = None
    notes: Mapping[str, Any] = attrs.field(factory=dict)

    def lent(self) -> Workspace:
        """The workspace; the order of stages was checked, so there is one."""
        assert self.workspace is not None
        return self.workspace

    def at_work(self) -> Trial:
        """The trial under way; likewise."""
        assert self.trial is not None
        return self.trial

    @property
    def next_number(self) -> int:
        """The number of the attempt that comes next, from 1."""
        return self.attempts[-1].number + 1 if self.attempts else 1

    def left_by(self, trial: Trial | None) -> tuple[tuple[Finding, Finding], ...]:
        """Each finding of the file that a trial left, as it was before any fix, and as it is in its tree."""
        if trial is None or trial.delta is None:
            return tuple((finding, finding) for finding in self.task.findings)
        delta = trial.delta
        silenced = (finding for finding in delta.suppressed if finding.path == self.task.path)
        kept = zip(delta.kept, delta.remaining, strict=True)
        return (*kept, *((finding, finding) for finding in silenced))

    @property
    def missed(self) -> tuple[Finding, ...]:
        """Those of the targets that the last trial left; for the next prompt."""
        seen = self.last.delta if self.last else None
        return compare(self.at_work().targets, seen.remaining).remaining if seen else ()

    @property
    def refusal(self) -> str | None:
        """Why the last trial was not taken, for the next prompt; None where nothing stood against it."""
        return self.last.verdict.reason if self.last and self.last.verdict else None


@attrs.frozen
class RunState:
    """The run on its way; `introduced` are findings that several fixes bring together and none alone."""

    plan: Plan | None = None
    results: tuple[FileResult, ...] = ()
    reducers: Mapping[str, Any] = attrs.field(factory=dict)
    checks: Mapping[str, str] = attrs.field(factory=dict)
    tests: TestVerdict | None = None
    introduced: tuple[FindingEnd, ...] = ()
    notices: tuple[str, ...] = ()


@attrs.frozen
class Context:
    """What a stage needs of the world, built once for a run.

    `cascade` holds the agents of `call_agent` in order. `stack` is the file's own exit stack, in which
    everything lent is given back. `base_commit` is what the plan was made from, `warm` a folder of caches
    to start from. `outcome` tells what would become of a file that ended in a state. `purse` holds what the
    run may spend; `slots` bound the files at work where several runs share them. `sandbox` is what programs
    in a workspace are shut in. `experience` is what past runs have taught when this one began, `recorder`
    what writes down how its own attempts went.
    """

    pipeline: Pipeline
    selection: Selection
    root: Path
    warm: Path
    session: Session
    repository: Repository | None
    target: Target | None
    base_commit: str | None
    lender: Lender
    main: SharedLock
    checks: tuple[Check, ...]
    cascade: Cascade
    tests: TestSuite | None
    template: Template
    explanations: Explanations
    neighbours: Neighbours
    emit: Callable[[Event], None]
    clock: Callable[[], float]
    purse: Purse
    slots: trio.CapacityLimiter | None = None
    sandbox: Sandbox | None = None
    recorder: Recorder | None = None
    experience: Experience = Experience()
    plan: Plan | None = None
    outcome: Callable[[FileState], FileResult] | None = None
    stack: AsyncExitStack = attrs.field(factory=AsyncExitStack)

    def repo(self) -> Repository:
        """The repository, for stages that are refused where there is none."""
        assert self.repository is not None
        return self.repository

    def see_settings(self) -> None:
        """See that git obeys what it obeyed when the run began; it blocks.

        Raises:
            RepositoryError: settings or hooks were changed; git must not be called any more.
        """
        if self.repository is not None:
            self.repository.check_settings()

    def confined(self, *places: Path, talking: bool = False) -> Confinement | None:
        """What a program is shut in that may write in these places; None where there is no sandbox.

        One that is `talking` reaches its model, where that is all the network there is.
        """
        if self.sandbox is None:
            return None
        cell = self.sandbox.around(*places)
        return cell.talking() if talking else cell

    def commits_to(self) -> Target:
        """Where commits go; likewise."""
        assert self.target is not None
        return self.target


#: Called with (state, context, **options); the state is a FileState or a RunState, by the block it stands in.
StageFunction = Callable[..., Awaitable[Any]]


@attrs.frozen
class Stage:
    """A stage by name.

    `block` is where it may stand, None for anywhere. A stage of scope `main` runs under the lock of the
    user's repository. `needs` and `gives` are words that order stages: one that needs a word stands after
    one that gives it, and before one that takes it away. `options` are the names it takes beside itself
    in the YAML, `required` those it cannot do without.
    """

    name: str
    run: StageFunction
    block: BlockName | None = None
    scope: Literal["workspace", "main"] = "workspace"
    needs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()

    @property
    def built_in(self) -> bool:
        return self.run.__module__.startswith("stomper_sdk.stages.")


def define_stage(
    name: str,
    *,
    block: BlockName | None = None,
    scope: Literal["workspace", "main"] = "workspace",
    needs: Iterable[str] = (),
    gives: Iterable[str] = (),
    takes: Iterable[str] = (),
) -> Callable[[StageFunction], Stage]:
    """Make a stage of a function; `takes` are words that no longer hold after it."""

    def define(function: StageFunction) -> Stage:
        parameters = list(inspect.signature(function).parameters.values())[2:]
        return Stage(
            name,
            function,
            block,
            scope,
            frozenset(needs),
            frozenset(gives),
            frozenset(takes),
            frozenset(parameter.name for parameter in parameters),
            frozenset(item.name for item in parameters if item.default is inspect.Parameter.empty),
        )

    return define


_BUILT_IN = (
    "initialize",
    "collect_errors",
    "create_worktree",
    "generate_prompt",
    "call_agent",
    "verify_fixes",
    "run_tests",
    "extract_diff",
    "apply_to_main",
    "commit_in_main",
    "destroy_worktree",
    "aggregate_results",
    "cleanup",
)
STAGES: Registry[Stage] = Registry("stage", {name: f"stomper_sdk.stages.{name}:{name}" for name in _BUILT_IN})
