"""A listener that keeps when what was at work."""

from __future__ import annotations

import attrs

from stomper_sdk.events import Event, FileFinished, FileStarted, StageFinished
from stomper_sdk.model.span import WHOLE, Span

__all__ = ["Recorder"]


@attrs.define
class Recorder:
    """The spans of a run, in the order in which they ended."""

    spans: list[Span] = attrs.field(factory=list)
    _begun: dict[str, float] = attrs.field(factory=dict)

    def listen(self, event: Event) -> None:
        match event:
            case FileStarted(time=time, path=path):
                self._begun[path] = time
            case FileFinished(time=time, result=result):
                self.spans.append(Span(result.path, WHOLE, self._begun.pop(result.path, time), time))
            case StageFinished(time=time, path=path, stage=stage, seconds=seconds):
                self.spans.append(Span(path, stage, time - seconds, time))
