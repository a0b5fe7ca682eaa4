"""An answer that comes in server-sent events, or as one document where an endpoint knows no streams.

https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as chat completions use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

__all__ = ["Reader"]

_LONGEST_LINE = 8 * 1024 * 1024
_DONE = "[DONE]"


@attrs.define
class Reader:
    """Fed with bytes as they come; what it has read so far stands in its fields.

    Attributes:
        most: characters of text that no answer of sense is longer than.
        text: what the model wrote.
        finish: why it ended; None as long as it has not.
        usage: what the endpoint counted.
        error: what the endpoint said went wrong in the middle.
        broken: what about the bytes is no answer.
        done: whether the stream said that it is at its end.
    """

    most: int
    text: str = ""
    model: str | None = None
    finish: str | None = None
    usage: Mapping[str, Any] = attrs.field(factory=dict)
    error: Any = None
    broken: str = ""
    done: bool = False
    _rest: bytes = b""
    _whole: list[bytes] = attrs.field(factory=list)

    @property
    def over(self) -> bool:
        """Whether nothing more is worth waiting for."""
        return self.done or bool(self.broken) or self.error is not None

    @property
    def whole(self) -> bool:
        """Whether the answer is there to its end, whatever comes after it."""
        return self.finish is not None and not self.broken and self.error is None

    def feed(self, data: bytes) -> None:
        """Take in some bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._line(line.rstrip(b"\r"))
        if len(self._rest) > _LONGEST_LINE or len(self.text) > self.most:
            self.broken = "an answer that is longer than any can be"

    def close(self) -> None:
        """There are no more bytes."""
        self._line(self._rest)
        whole = b"".join(self._whole).strip()
        if whole and not (self.over or self.finish):
            self._event(whole)
        if not self.over and self.finish is None:
            self.broken = "an answer that broke off" if self.text else "an answer that is none"

    def _line(self, line: bytes) -> None:
        if self.over:
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            self._event(value.strip())
        elif line and field not in (b"", b"event", b"id", b"retry"):
            # No field of an event: then this may be a document, line by line.
            self._whole.append(line)
            if sum(map(len, self._whole)) > _LONGEST_LINE:
                self.broken = "an answer that is longer than any can be"

    def _event(self, data: bytes) -> None:
        if data == _DONE.encode():
            self.done = self.finish is not None
            self.broken = "" if self.done else "an answer that broke off"
            return
        try:
            self._take(json.loads(data))
        except (ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError):
            self.broken = "an answer that cannot be read"

    def _take(self, event: Mapping[str, Any]) -> None:
        """One chunk of a completion, or a whole one."""
        if event.get("error"):
            self.error = event["error"]
            return
        self.model = str(event["model"]) if event.get("model") else self.model
        self.usage = dict(event.get("usage") or self.usage)
        for choice in (event.get("choices") or [])[:1]:
            said = choice.get("delta") or choice.get("message") or {}
            self.text += said.get("content") or ""
            self.finish = choice.get("finish_reason") or self.finish
