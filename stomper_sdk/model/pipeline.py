"""The pipeline as declared, after every name and type was checked.

Each class is one section of the YAML, each field one key of it; the defaults here are the language's
defaults, and the only place where they stand. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Literal

import attrs

from stomper_sdk.model.present import hide, one_line
from stomper_sdk.model.price import Price

__all__ = [
    "AgentSpec",
    "ApplySpec",
    "BackoffSpec",
    "BudgetSpec",
    "CheckSpec",
    "CommitSpec",
    "FilesSpec",
    "GuardSpec",
    "LearningSpec",
    "ParallelismSpec",
    "PerFileSpec",
    "Pipeline",
    "ProcessingSpec",
    "PromptSpec",
    "ReducerSpec",
    "RetrySpec",
    "SandboxSpec",
    "StageSpec",
    "TestValidationSpec",
    "WhenSpec",
    "WorkspaceSpec",
]

_DRAWING = "stomper_sdk.interpreter.drawing"

RetryCause = Literal["agent_error", "unfixed", "new_findings", "guard", "tests_failed", "conflict"]


@attrs.frozen
class CheckSpec:
    """A check by its name in the pipeline; `options` are read by the check's own plug-in."""

    name: str
    use: str
    options: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class WhenSpec:
    """Which findings an agent is for: globs of codes, names of checks, at most so many; empty and 0: all."""

    codes: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    max_findings: int = 0


@attrs.frozen
class AgentSpec:
    """An agent by its name in the pipeline; `options` are read by the agent's own plug-in.

    `price` is what its tokens cost, or `reported`: it tells itself; None where nobody says.
    """

    name: str
    use: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    when: WhenSpec = WhenSpec()
    price: Price | Literal["reported"] | None = None


@attrs.frozen
class FilesSpec:
    include: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    max_files: int = 0
    since: str | None = None


@attrs.frozen
class ParallelismSpec:
    max_parallel_files: int = 4


@attrs.frozen
class BackoffSpec:
    initial: float = 0.0
    factor: float = 2.0
    max: float = 60.0
    jitter: float = 0.1


@attrs.frozen
class RetrySpec:
    max_attempts: int = 3
    start_from: Literal["best", "clean"] = "best"
    on: tuple[RetryCause, ...] = (
        "agent_error",
        "unfixed",
        "new_findings",
        "guard",
        "tests_failed",
        "conflict",
    )
    backoff: BackoffSpec = BackoffSpec()


@attrs.frozen
class ProcessingSpec:
    """How many of a file's findings an attempt is about; `retry` holds for each such portion."""

    strategy: Literal["batch", "one_code_at_a_time", "one_finding_at_a_time"] = "batch"
    max_findings_per_attempt: int = 0


@attrs.frozen
class PromptSpec:
    template: str = "default"
    strategy: str = "adaptive"
    levels: tuple[str, ...] = ("minimal", "normal", "detailed", "verbose")
    guides: tuple[str, ...] = ()


@attrs.frozen
class LearningSpec:
    """What is remembered of attempts: `live` leaves out answers that are only replayed."""

    record: Literal["live", "all", "none"] = "live"
    seed: int = 0


@attrs.frozen
class TestValidationSpec:
    __test__ = False

    mode: Literal["full", "quick", "final", "none"] = "quick"
    command: str | tuple[str, ...] = "auto"
    timeout: float = 600.0
    env: tuple[str, ...] = ()
    flaky_reruns: int = 1


@attrs.frozen
class GuardSpec:
    """What a fix may touch: its own file, the files that match some globs, or the whole repo.

    `forbid` are kinds of change by name, `allow` what is no such change all the same.
    """

    scope: Literal["file", "repo"] | tuple[str, ...] = "file"
    forbid: tuple[str, ...] = ("suppressions", "test_edits", "config_edits", "deletions")
    allow: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    max_changed_lines: int = 400


@attrs.frozen
class WorkspaceSpec:
    root: str | None = None
    kind: Literal["worktree", "direct"] = "worktree"
    include: str = ".worktreeinclude"
    link: tuple[str, ...] = ()
    setup: str | tuple[str, ...] | None = None


Network = Literal["deny", "allow", "model-only"]


@attrs.frozen
class SandboxSpec:
    """What programs are shut in; `memory` is in bytes, `model_hosts` are for the network `model-only`."""

    kind: Literal["none", "bubblewrap", "landlock", "auto"] = "none"
    network: Network = "deny"
    model_hosts: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    memory: int = 2 * 1024**3
    processes: int = 256


@attrs.frozen
class PerFileSpec:
    time: float | None = None
    tokens: int | None = None
    cost_usd: float | None = None


@attrs.frozen
class BudgetSpec:
    """What a run may take; None: no limit."""

    time: float | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    per_file: PerFileSpec = PerFileSpec()


@attrs.frozen
class CommitSpec:
    style: Literal["conventional", "plain"] = "conventional"
    template: str | None = None
    hooks: Literal["run", "skip"] = "run"
    sign: bool = False
    trailers: bool = True


@attrs.frozen
class ApplySpec:
    target: Literal["current", "branch"] = "current"
    branch: str = "stomper/{session_id}"
    commit: CommitSpec = CommitSpec()


@attrs.frozen
class StageSpec:
    """A node of the stages tree; only the blocks `for_each_file` and `attempt` have children."""

    name: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    children: tuple[StageSpec, ...] = ()
    where: str = ""


@attrs.frozen
class ReducerSpec:
    """A fold of one field (`source`) of each file's result (`from` in the YAML)."""

    name: str
    reduce: str
    source: str
    where: str = "any"


@attrs.frozen(repr=False)
class Pipeline:
    """A whole pipeline: every section, with the defaults filled in.

    `origin` says where it was read from, `places` where each dotted path stands (`file:line:column`);
    `secrets` are the values that came from the environment and are never shown.
    """

    name: str
    stages: tuple[StageSpec, ...]
    description: str = ""
    checks: tuple[CheckSpec, ...] = ()
    agents: tuple[AgentSpec, ...] = ()
    files: FilesSpec = FilesSpec()
    parallelism: ParallelismSpec = ParallelismSpec()
    retry: RetrySpec = RetrySpec()
    processing: ProcessingSpec = ProcessingSpec()
    prompt: PromptSpec = PromptSpec()
    learning: LearningSpec = LearningSpec()
    test_validation: TestValidationSpec = TestValidationSpec()
    guard: GuardSpec = GuardSpec()
    workspace: WorkspaceSpec = WorkspaceSpec()
    sandbox: SandboxSpec = SandboxSpec()
    budget: BudgetSpec = BudgetSpec()
    apply: ApplySpec = ApplySpec()
    accept: Literal["all", "improved"] = "improved"
    on_error: Literal["continue", "abort"] = "continue"
    reducers: tuple[ReducerSpec, ...] = ()
    version: int = 1
    origin: str = ""
    secrets: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    places: Mapping[str, str] = attrs.field(factory=dict, repr=False, eq=False)

    def stage(self, name: str) -> StageSpec | None:
        """The first stage of that name, wherever in the tree it stands."""
        pending = list(self.stages)
        while pending:
            spec = pending.pop(0)
            if spec.name == name:
                return spec
            pending = [*spec.children, *pending]
        return None

    @property
    def leads_by_learning(self) -> bool:
        """Whether findings go first to the agent that promises most, rather than to the first one."""
        call = self.stage("call_agent")
        return call is not None and call.options.get("order") == "learned"

    def with_(self, **overrides: object) -> Pipeline:
        """The same pipeline with something else at some dotted paths: `with_(**{"retry.max_attempts": 5})`.

        Raises:
            PipelineError: with every problem that this makes.
        """
        varied: Pipeline = import_module("stomper_sdk.config").load_pipeline(self, overrides=overrides)
        return varied

    def __repr__(self) -> str:
        parts = {
            "checks": [check.name for check in self.checks],
            "agents": [agent.name for agent in self.agents],
            "stages": [stage.name for stage in self.stages],
            "reducers": [reducer.name for reducer in self.reducers],
        }
        told = "; ".join(f"{kind} {', '.join(names)}" for kind, names in parts.items() if names)
        return f"<Pipeline {one_line(hide(f'{self.name}: {told}', self.secrets))}>"

    def _repr_svg_(self) -> str:
        # Drawing needs the stages, floors above: imported when a notebook asks.
        drawn: str = import_module(_DRAWING).as_svg(self)
        return drawn
