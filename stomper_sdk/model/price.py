"""What asking an agent uses, and what it costs."""

from __future__ import annotations

import attrs

__all__ = ["Price", "Usage"]

_MILLION = 1_000_000


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
