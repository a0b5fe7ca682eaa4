"""What a run is going to take, as far as past runs tell."""

from __future__ import annotations

import attrs

__all__ = ["Forecast", "Span"]


@attrs.frozen
class Span:
    """From here to there: nine runs in ten are expected to end between."""

    low: float
    high: float


@attrs.frozen
class Forecast:
    """What a plan's files are going to take together, learned from `learned` attempts at `files` files.

    `seconds` are those of the whole run, with as many files at work as the pipeline says. Tokens and dollars
    are None where no agent told any.
    """

    learned: int
    files: int
    attempts: Span
    seconds: Span
    tokens: Span | None = None
    cost_usd: Span | None = None
