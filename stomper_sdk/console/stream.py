"""A standard stream whose reader may go away."""

from __future__ import annotations

import contextlib
import os
import re
from typing import TextIO

from stomper_sdk.errors import StomperError

__all__ = ["Stream"]


class Stream:
    """What is printed goes through here, also what rich prints.

    A closed pipe or a lost terminal mutes it: the run matters more than its reader. On a `strict`
    stream, which carries a result, anything but a closed pipe (a full disk) is an error. On one for
    people, GitHub's runner finds no command of its own in what a file or a tool says.
    """

    def __init__(self, file: TextIO | None, *, strict: bool = False) -> None:
        self._file = file
        self._strict = strict

    def write(self, text: str) -> int:
        if self._file is not None:
            try:
                self._file.write(self._encodable(text if self._strict else _without_commands(text)))
                self._file.flush()
            except OSError as error:
                self._fail(error)
        return len(text)

    def flush(self) -> None:
        """Send off what others have written to the file; `write` holds nothing back."""
        self.write("")

    def isatty(self) -> bool:
        return self._file is not None and self._file.isatty()

    def fileno(self) -> int:
        if self._file is None:
            raise OSError("the stream is closed")
        return self._file.fileno()

    @property
    def encoding(self) -> str:
        return getattr(self._file, "encoding", None) or "ascii"

    def _encodable(self, text: str) -> str:
        """The text with escapes for what the stream has no bytes for, as in a locale of ASCII."""
        encoding = self.encoding
        try:
            text.encode(encoding, getattr(self._file, "errors", None) or "strict")
        except UnicodeEncodeError:
            return text.encode(encoding, "backslashreplace").decode(encoding)
        return text

    def _fail(self, error: OSError) -> None:
        self._mute()
        if self._strict and not isinstance(error, BrokenPipeError):
            raise StomperError(f"cannot write to standard output: {error.strerror}") from error

    def _mute(self) -> None:
        """Point the descriptor at nothing, or the interpreter would complain when it flushes at exit."""
        file, self._file = self._file, None
        with contextlib.suppress(OSError, AttributeError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, file.fileno())  # type: ignore[union-attr]
            os.close(nothing)


def _without_commands(text: str) -> str:
    """The text without what GitHub's runner obeys: `::command::` at the start of a line, `##[command]`."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    return re.sub(r"(?m)^(\s*):(?=:)", r"\1: ", text).replace("##[", "## [")
