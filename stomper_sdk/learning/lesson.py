"""What is remembered of one attempt: how it went, and nothing of the code it went over."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

import attrs

from stomper_sdk.errors import AWAY
from stomper_sdk.model.file import Attempt, CodeTally, FileResult
from stomper_sdk.model.present import hide, visible
from stomper_sdk.model.price import possible_count, possible_dollars

__all__ = ["REJECTED", "Lesson", "lessons_of"]

#: The outcome of an attempt whose fix was taken, and refused or taken back afterwards.
REJECTED = "rejected"
_GOOD = ("fixed", "partial")
_LENGTH = 200
_SUFFIX = 12


@attrs.frozen
class Lesson:
    """One attempt as it is remembered.

    `key` tells attempts apart and nothing else: a keyed hash, from which no path can be had. `when` are
    seconds since 1970. `number` counts the file's attempts, `round` those at the same findings. `agent` is
    its name in the pipeline, `kind` its `use`. `lines` and `findings` are counted in the file before the
    run, None where that is not known; `suffix` is what its name ends with.
    """

    key: str
    when: float
    session: str
    number: int
    round: int
    agent: str
    kind: str
    model: str | None
    level: str
    outcome: str
    failure: str | None
    seconds: float
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    lines: int | None
    findings: int | None
    suffix: str
    codes: tuple[CodeTally, ...]

    @property
    def tokens(self) -> int | None:
        """Read and written together; None where the agent told neither."""
        if self.tokens_in is None and self.tokens_out is None:
            return None
        return (self.tokens_in or 0) + (self.tokens_out or 0)

    @property
    def is_telling(self) -> bool:
        """Whether it says something of agent and level: it was asked, and no target moved meanwhile."""
        return self.failure not in AWAY and self.outcome != "conflict"


def lessons_of(
    result: FileResult,
    session: str,
    keys: Collection[str],
    kinds: Mapping[str, str],
    when: float,
    lines: int | None = None,
    secrets: Collection[str] = (),
) -> Iterator[Lesson]:
    """What there is to remember of a file.

    Args:
        result: what became of it.
        session: the run's.
        keys: one for each attempt.
        kinds: the `use` of each agent whose attempts are remembered, by its name.
        when: seconds since 1970.
        lines: how many the file had.
        secrets: what stands in nothing that is kept.
    """

    def kept(text: str) -> str:
        return visible(hide(text, secrets)[:_LENGTH])

    for key, attempt in zip(keys, result.attempts, strict=True):
        if attempt.agent not in kinds:
            continue
        outcome, codes = _settled(attempt, result)
        yield Lesson(
            key=key,
            when=when,
            session=session,
            number=attempt.number,
            round=attempt.round,
            agent=kept(attempt.agent),
            kind=kept(kinds[attempt.agent]),
            model=attempt.model and kept(attempt.model),
            level=kept(attempt.level),
            outcome=outcome,
            failure=attempt.failure,
            seconds=attempt.duration_seconds,
            tokens_in=possible_count(attempt.tokens_in),
            tokens_out=possible_count(attempt.tokens_out),
            cost_usd=possible_dollars(attempt.cost_usd),
            lines=lines,
            findings=None
            if lines is None
            else sum(map(len, (result.fixed, result.remaining, result.suppressed))),
            suffix=visible(PurePosixPath(result.path).suffix[:_SUFFIX]),
            codes=tuple(CodeTally(kept(it.check), kept(it.code), it.tried, it.fixed) for it in codes),
        )


def _settled(attempt: Attempt, result: FileResult) -> tuple[str, tuple[CodeTally, ...]]:
    """An outcome, and what counts as fixed: none of a fix that was taken, and then refused or taken back."""
    taken_back = result.outcome == "rejected" and result.attempts[-1].outcome in _GOOD
    if not taken_back or attempt.outcome not in _GOOD:
        return attempt.outcome, attempt.codes
    return REJECTED, tuple(attrs.evolve(tally, fixed=0) for tally in attempt.codes)
