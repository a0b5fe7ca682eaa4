"""When what was at work in a run, for timelines."""

from __future__ import annotations

import attrs

__all__ = ["WHOLE", "Span"]

#: The stage of a span that is a file's whole way.
WHOLE = "file"


@attrs.frozen
class Span:
    """A stage of a file, or of the run where `path` is None; from and until are seconds since it began."""

    path: str | None
    stage: str
    since: float
    until: float
