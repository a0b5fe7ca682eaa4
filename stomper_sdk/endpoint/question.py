"""What is asked, what is answered, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

__all__ = ["Answer", "Meter", "Question", "sendable"]


def sendable(text: str) -> str:
    """The text with a sign for each half of a character, which no encoding has."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@attrs.frozen
class Question:
    """A conversation of one turn: what is the same for all questions first, so that an endpoint can cache it.

    `tokens` is what the messages come to by our own count.
    """

    system: str
    user: str
    tokens: int
    max_output_tokens: int
    temperature: float | None = None

    @property
    def messages(self) -> list[Mapping[str, str]]:
        """The same as the endpoint takes it."""
        said = (("system", self.system), ("user", self.user))
        return [{"role": role, "content": sendable(text)} for role, text in said]

    @property
    def most(self) -> int:
        """The most tokens that one request can take, read and written."""
        return self.tokens + self.max_output_tokens


@attrs.frozen
class Answer:
    """What came back, and why it ended: `stop`, `length` where it was cut, or another word of the endpoint's.

    The counts are the endpoint's own where it tells them, else ours.
    """

    text: str
    tokens_in: int
    tokens_out: int
    tokens_cached: int = 0
    model: str | None = None
    finish: str = ""


@attrs.define
class Meter:
    """What a question has taken so far, answers that broke off included."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    model: str | None = None
    text: str = ""

    @property
    def tokens(self) -> int:
        """Read and written together."""
        return self.tokens_in + self.tokens_out

    def add(self, answer: Answer) -> None:
        """Count an answer, or what there is of one."""
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out
        self.tokens_cached += answer.tokens_cached
        self.model, self.text = answer.model or self.model, answer.text
