"""Times as people write them."""

from __future__ import annotations

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.options import seconds

__all__ = ["parse_duration"]


def parse_duration(value: str | float) -> float:
    """Seconds of `30s`, `10m`, `1h`, `1.5s`, `500ms`, or of a number of seconds.

    Raises:
        PipelineError: if the value is none of these.
    """
    try:
        return seconds(value)
    except ValueError as error:
        raise PipelineError([Problem(f"expected {error}, got {value!r}")]) from error
