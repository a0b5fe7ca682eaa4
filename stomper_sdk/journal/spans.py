"""When what was at work in a run, kept beside its result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stomper_sdk.errors import StomperError
from stomper_sdk.journal.kept import content_of
from stomper_sdk.model.reading import items, mapping, typed
from stomper_sdk.model.span import Span

__all__ = ["SPANS", "read_spans", "spans_to_dict"]

SPANS = "spans.json"
_MAX_BYTES = 256 * 1024 * 1024
#: Seconds: more than any run has taken.
_LONGEST = 1e9


def spans_to_dict(spans: Sequence[Span]) -> dict[str, Any]:
    """Spans as columns, each path and stage written once."""
    paths = list(dict.fromkeys(span.path for span in spans))
    stages = list(dict.fromkeys(span.stage for span in spans))
    path_at = {path: place for place, path in enumerate(paths)}
    stage_at = {stage: place for place, stage in enumerate(stages)}
    return {
        "version": 1,
        "paths": paths,
        "stages": stages,
        "path": [path_at[span.path] for span in spans],
        "stage": [stage_at[span.stage] for span in spans],
        "since": [round(span.since, 6) for span in spans],
        "until": [round(span.until, 6) for span in spans],
    }


def read_spans(folder: Path) -> tuple[Span, ...]:
    """The spans of a session; none where it kept none.

    Raises:
        StomperError: they cannot be read, or are none of ours.
    """
    try:
        return _spans(mapping(json.loads(content_of(folder / SPANS, _MAX_BYTES)), "the document"))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise StomperError(f"{SPANS} of {folder.name} cannot be read: {error}") from error


def _spans(document: Any) -> tuple[Span, ...]:
    if document.get("version") != 1:
        raise ValueError(f"its version is {document.get('version')!r:.20}, and 1 is known")
    paths = [typed(str | None, path, "paths") for path in items(document, "paths")]
    stages = [typed(str, stage, "stages") for stage in items(document, "stages")]
    columns = [items(document, name) for name in ("path", "stage", "since", "until")]
    return tuple(
        Span(paths[path], stages[stage], _time(since), _time(until))
        for path, stage, since, until in zip(*columns, strict=True)
    )


def _time(value: object) -> float:
    seconds: float = typed(float, value, "a time")
    if abs(seconds) > _LONGEST:
        raise ValueError(f"{seconds!r:.20} is no time of a run")
    return seconds
