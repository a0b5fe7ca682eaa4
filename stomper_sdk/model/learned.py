"""What past attempts have come to: rates with their uncertainty, what was paid, what would be chosen now."""

from __future__ import annotations

import math
from typing import Any

import attrs

from stomper_sdk.model.present import counted, html_table, one_line, plain, visible

__all__ = ["Imported", "Learned", "Preference", "Record", "interval"]

_SURE = 0.95
#: A code is hard where its rate is surely below the first, easy where it is surely above the second.
_HARD, _EASY = 0.5, 0.8


def interval(fixed: int, tried: int, sure: float = _SURE) -> tuple[float, float]:
    """Between what the rate lies, by Wilson's score interval (Journal of the American Statistical Association
    22, 1927), which holds for few and for extreme cases, too.

    Args:
        fixed: successes.
        tried: cases; none at all leaves everything open.
        sure: the share of such intervals that hold the true rate.
    """
    if not tried:
        return 0.0, 1.0
    from statistics import NormalDist  # late, with all that it loads: most runs never ask

    z, rate = NormalDist().inv_cdf((1 + sure) / 2), fixed / tried
    middle = rate + z * z / (2 * tried)
    half = z * math.sqrt(rate * (1 - rate) / tried + z * z / (4 * tried * tried))
    whole = 1 + z * z / tried
    return max((middle - half) / whole, 0.0), min((middle + half) / whole, 1.0)


@attrs.frozen
class Record:
    """What attempts of one kind have come to.

    Of `check`, `code`, `agent` and `level` those that are not told apart are "". What an attempt cost is
    shared among its codes by their findings; `tokens` and `cost_usd` are None where no agent told them.
    """

    attempts: int
    tried: int
    fixed: int
    seconds: float
    tokens: float | None = None
    cost_usd: float | None = None
    check: str = ""
    code: str = ""
    agent: str = ""
    level: str = ""

    @property
    def rate(self) -> float:
        """The share that was fixed; 0 where nothing was tried."""
        return self.fixed / self.tried if self.tried else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Between what the true rate lies in 95 of 100 such cases."""
        return interval(self.fixed, self.tried)

    @property
    def is_hard(self) -> bool:
        return self.interval[1] < _HARD

    @property
    def is_easy(self) -> bool:
        return self.interval[0] > _EASY


@attrs.frozen
class Imported:
    """What came of an import: attempts that were new, those that were known, and the numbers of lines that
    are no attempt."""

    added: int
    known: int
    damaged: tuple[int, ...] = ()


@attrs.frozen
class Preference:
    """What `adaptive` would choose for a code now: a level of an agent, in `share` of all files, and why."""

    check: str
    code: str
    agent: str
    level: str
    share: float
    why: str


@attrs.frozen(repr=False)
class Learned:
    """The history of a repository, or a part of it, summed up.

    `since` and `until` are when the first and the last attempt ended, as `2026-01-01T12:00:00Z`. `codes`,
    `agents` and `levels` are in the order of what was tried most; `preferences` likewise.
    """

    attempts: int = 0
    sessions: int = 0
    since: str | None = None
    until: str | None = None
    codes: tuple[Record, ...] = ()
    agents: tuple[Record, ...] = ()
    levels: tuple[Record, ...] = ()
    preferences: tuple[Preference, ...] = ()

    @property
    def hard(self) -> tuple[Record, ...]:
        """Codes of which surely less than half is fixed."""
        return tuple(record for record in self.codes if record.is_hard)

    @property
    def easy(self) -> tuple[Record, ...]:
        """Codes of which surely more than four in five are fixed."""
        return tuple(record for record in self.codes if record.is_easy)

    @property
    def headline(self) -> str:
        if not self.attempts:
            return "nothing is learned yet"
        times = f"{str(self.since)[:10]} to {str(self.until)[:10]}"
        return f"{counted(self.attempts, 'attempt')} in {counted(self.sessions, 'run')}, {times}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "version": 1,
            **{name: getattr(self, name) for name in ("attempts", "sessions", "since", "until")},
            **{name: [_document(it) for it in getattr(self, name)] for name in ("codes", "agents", "levels")},
            "hard": [{"check": it.check, "code": it.code} for it in self.hard],
            "easy": [{"check": it.check, "code": it.code} for it in self.easy],
            "preferences": [plain(it) for it in self.preferences],
        }

    def __repr__(self) -> str:
        return f"<Learned {one_line(self.headline)}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                visible(it.code),
                visible(it.check),
                it.tried,
                it.fixed,
                f"{it.rate:.0%}",
                *map(_share, it.interval),
            )
            for it in self.codes
        ]
        return html_table(self.headline, ("code", "check", "tried", "fixed", "rate", "from", "to"), rows)


def _share(value: float) -> str:
    return f"{value:.0%}"


def _document(record: Record) -> dict[str, Any]:
    low, high = record.interval
    names = {name: value for name, value in plain(record).items() if value != ""}
    return {**names, "rate": record.rate, "low": low, "high": high}
