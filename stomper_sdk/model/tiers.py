"""What each agent of a cascade came to, and what it took: fixes, time, tokens and money, by code too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

import attrs

from stomper_sdk.model.file import SUCCEEDED, Attempt, CodeTally, FileResult
from stomper_sdk.model.price import Usage

__all__ = ["Tier", "TierCode", "tiers_of"]


@attrs.frozen
class TierCode:
    """The part of a tier that belongs to one code; an attempt at several is shared out by their findings."""

    check: str
    code: str
    tried: int
    fixed: int
    duration_seconds: float
    tokens: float | None
    cost_usd: float | None


@attrs.frozen
class Tier:
    """One agent in a whole run.

    `tried` and `fixed` count findings, once for each attempt; only what is in a commit counts as fixed.
    Tokens and dollars are those that the agent told of, None where it told nothing.
    """

    agent: str
    attempts: int
    tried: int
    fixed: int
    duration_seconds: float
    usage: Usage
    codes: tuple[TierCode, ...] = attrs.field(repr=False)


def tiers_of(files: Iterable[FileResult]) -> tuple[Tier, ...]:
    """The agents that were asked, in the order in which they come to their turn."""
    by_agent: dict[str, list[tuple[Attempt, bool]]] = {}
    first: dict[str, int] = {}
    for file in files:
        landed = file.outcome in SUCCEEDED
        # One that takes over from another that failed has the same number.
        for turn, attempt in enumerate(file.attempts):
            by_agent.setdefault(attempt.agent, []).append((attempt, landed and attempt.used))
            first[attempt.agent] = min(turn, first.get(attempt.agent, turn))
    return tuple(_tier(agent, by_agent[agent]) for agent in sorted(by_agent, key=lambda it: (first[it], it)))


def _tier(agent: str, made: list[tuple[Attempt, bool]]) -> Tier:
    shares = [share for attempt, used in made for share in _shares(attempt, used)]
    names = sorted({(share.check, share.code) for share in shares})
    attempts = [attempt for attempt, _ in made]
    return Tier(
        agent,
        len(made),
        sum(share.tried for share in shares),
        sum(share.fixed for share in shares),
        sum(attempt.duration_seconds for attempt in attempts),
        reduce(Usage.plus, (attempt.usage for attempt in attempts), Usage()),
        tuple(_together([it for it in shares if (it.check, it.code) == name]) for name in names),
    )


def _shares(attempt: Attempt, used: bool) -> list[TierCode]:
    tried = sum(tally.tried for tally in attempt.codes)
    tokens = attempt.usage.tokens
    return [_share(attempt, tally, tally.tried / tried, tokens, used) for tally in attempt.codes]


def _share(attempt: Attempt, tally: CodeTally, part: float, tokens: int | None, used: bool) -> TierCode:
    return TierCode(
        tally.check,
        tally.code,
        tally.tried,
        tally.fixed if used else 0,
        attempt.duration_seconds * part,
        None if tokens is None else tokens * part,
        None if attempt.cost_usd is None else attempt.cost_usd * part,
    )


def _together(shares: list[TierCode]) -> TierCode:
    def total(of: Callable[[TierCode], float | None]) -> float | None:
        return _known(of(share) for share in shares)

    return TierCode(
        shares[0].check,
        shares[0].code,
        sum(share.tried for share in shares),
        sum(share.fixed for share in shares),
        sum(share.duration_seconds for share in shares),
        total(lambda share: share.tokens),
        total(lambda share: share.cost_usd),
    )


def _known(numbers: Iterable[float | None]) -> float | None:
    """The sum of those that are known; None where none is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
