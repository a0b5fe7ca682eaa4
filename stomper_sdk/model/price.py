"""What asking an agent uses, and what it costs."""

from __future__ import annotations

from typing import TypeGuard, TypeVar

import attrs

__all__ = ["Price", "Spending", "Usage", "dollars_text", "possible_count", "possible_dollars"]

Number = TypeVar("Number", int, float)
_MILLION = 1_000_000
#: More than anybody can have used of anything; up to here a float counts exactly.
_MOST = 2**53


@attrs.frozen
class Usage:
    """What one attempt used, or may use at most: tokens read and written, US dollars; None: nobody knows."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None

    @property
    def tokens(self) -> int | None:
        """All tokens that are known of; None where none are."""
        known = [count for count in (self.tokens_in, self.tokens_out) if count is not None]
        return sum(known) if known else None

    def plus(self, other: Usage) -> Usage:
        """Both together; what only one of them knows is what is known."""
        return Usage(
            _sum(self.tokens_in, other.tokens_in),
            _sum(self.tokens_out, other.tokens_out),
            _sum(self.cost_usd, other.cost_usd),
        )


@attrs.frozen
class Price:
    """US dollars for a million tokens; `cached_input` for what was read before (None: as `input`)."""

    input: float
    output: float
    cached_input: float | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether any number of tokens is free."""
        return not (self.input or self.output or self.cached_input)

    def of(self, tokens_in: int, tokens_out: int, tokens_cached: int = 0) -> float:
        """US dollars for some tokens; those cached are among those read."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = tokens_in - tokens_cached
        return (fresh * self.input + tokens_cached * cached + tokens_out * self.output) / _MILLION


@attrs.frozen
class Spending:
    """What attempts have used together, as far as their agents told; None where none of them told.

    Two counts say of how many attempts the tokens or the cost are not known, and so are not in the sums.
    Attempts of agents that use no model are not counted.
    """

    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    attempts_without_tokens: int = 0
    attempts_without_cost: int = 0

    def plus(self, used: Usage) -> Spending:
        """The same after one more attempt."""
        return Spending(
            _sum(self.tokens_in, used.tokens_in),
            _sum(self.tokens_out, used.tokens_out),
            _sum(self.cost_usd, used.cost_usd),
            self.attempts_without_tokens + (used.tokens is None),
            self.attempts_without_cost + (used.cost_usd is None),
        )

    @property
    def tokens(self) -> int | None:
        """All tokens that are known of; None where none are."""
        return Usage(self.tokens_in, self.tokens_out).tokens


def dollars_text(dollars: float) -> str:
    """`$12.50`; below a dollar as exact as a hundredth of a cent: `$0.0123`, `$0.30`."""
    if dollars >= 1:
        return f"${dollars:,.2f}"
    whole, _, part = f"{dollars:.4f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"


def possible_count(told: object) -> int | None:
    """A number of tokens or turns that somebody tells; None where nobody can have used that."""
    return int(told) if _is_possible(told) else None


def possible_dollars(told: object) -> float | None:
    """An amount of dollars that somebody tells; None where nobody can have spent that."""
    return float(told) if _is_possible(told) else None


def _is_possible(told: object) -> TypeGuard[float]:
    return isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told < _MOST


def _sum(first: Number | None, second: Number | None) -> Number | None:
    known = [number for number in (first, second) if number is not None]
    return sum(known[1:], known[0]) if known else None
