"""What a journal holds, in the order in which it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from stomper_sdk.model.experiment import ExperimentStatus, Stop, VariantSpec
from stomper_sdk.model.plan import Plan
from stomper_sdk.model.price import Usage
from stomper_sdk.model.result import FileResult

__all__ = [
    "RECORDS",
    "Arranged",
    "Ended",
    "Failed",
    "Landed",
    "Landing",
    "Opened",
    "Paused",
    "Planned",
    "Record",
    "Spent",
]


@attrs.frozen
class Opened:
    """What the run was asked for, and where its commits go.

    `source` is the pipeline as it was named, or its text, None for the default one. Of one that only its
    caller can give again, there is none, and `nameless` is true. `digest` is that of the pipeline as it
    was read, so that another one is noticed. `given` are the names of agents that the caller gave.
    `withheld` are the keys of overrides whose values hold secrets, and stand here as `***`.
    `reverts` is the session of another run where this is no run, but takes back that one's commits.
    """

    base_commit: str | None
    target: str
    checked_out: bool
    source: str | None
    nameless: bool
    overrides: Mapping[str, Any]
    checks: tuple[str, ...]
    codes: tuple[str, ...]
    agents: tuple[str, ...]
    digest: str
    given: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    reverts: str | None = None


@attrs.frozen
class Planned:
    """What there is to do."""

    plan: Plan


@attrs.frozen
class Landing:
    """A commit is whole and about to move the target; `result` is what becomes of its file if it does.

    `path` is None for a commit that takes another one back, which `undoes` names.
    """

    parent: str
    commit: str
    path: str | None = None
    result: FileResult | None = None
    undoes: str | None = None


@attrs.frozen
class Landed:
    """The target, and the checkout with it, has moved."""

    commit: str


@attrs.frozen
class Spent:
    """An agent has been asked; kept at once, so that a run that is gone on with knows what was spent.

    `at_most` is what it was expected to use at most, `told` what it says that it did. `tokens` and
    `cost_usd` count against the budget: as told, else as expected. `seconds` is how long the run had taken.
    `free`: the agent uses no model.
    """

    path: str
    agent: str
    at_most: Usage
    told: Usage
    tokens: float
    cost_usd: float
    seconds: float
    free: bool = False


@attrs.frozen
class Ended:
    """A file has ended, one way or another."""

    result: FileResult


@attrs.frozen
class Arranged:
    """What an experiment tries: written when it begins, and again when it is gone on with.

    `digests` tell each variant's pipeline from another. `available` counts the findings that were drawn from,
    `sample` those that were wanted (0: all), `blocks` are the files of each part, in order. `checks` and
    `codes` are what it was narrowed to.
    """

    name: str
    pipeline: str
    base_commit: str
    variants: tuple[VariantSpec, ...]
    digests: Mapping[str, str]
    against: str | None
    repeats: int
    sample: int
    available: int
    seed: int
    stop: Stop
    blocks: tuple[tuple[str, ...], ...]
    notices: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


@attrs.frozen
class Failed:
    """A variant of an experiment could not be tried any further, until the experiment is gone on with.

    `stopped` where it may be able to later: its agent is out of quota.
    """

    variant: str
    reason: str
    stopped: bool = False


@attrs.frozen
class Paused:
    """An experiment ended, or was stopped for a reason.

    `seconds` it took until now, and `peak` files were at work at once.
    """

    status: ExperimentStatus
    seconds: float
    peak: int
    reason: str = ""


Record = Opened | Planned | Landing | Landed | Spent | Ended | Arranged | Failed | Paused
RECORDS: Mapping[str, Any] = {
    kind.__name__: kind for kind in (Opened, Planned, Landing, Landed, Spent, Ended, Arranged, Failed, Paused)
}
