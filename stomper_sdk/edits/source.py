"""A file's text, and what its bytes have beside it: encoding, byte order mark, line ends."""

from __future__ import annotations

import codecs
import io
import re
import tokenize

import attrs

from stomper_sdk.edits.base import EditError

__all__ = ["Source"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@attrs.frozen
class Source:
    """What a file holds. `text` has its line ends as they are; bytes that are no text survive in it."""

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""

    @classmethod
    def decode(cls, data: bytes, *, python: bool = False) -> Source:
        """The text of a file: by its byte order mark, what a Python file declares (PEP 263), else UTF-8."""
        declared = _declared(data) if python else "utf-8"
        marked = ((encoding, mark) for mark, encoding in _MARKS if data.startswith(mark))
        for encoding, mark in (*marked, (declared, b"")):
            source = cls._decoded(data, encoding, mark)
            if source is not None:
                return source
        return cls(data.decode("utf-8", "surrogateescape"))

    @classmethod
    def _decoded(cls, data: bytes, encoding: str, mark: bytes) -> Source | None:
        """The text by an encoding; None where that does not bring the same bytes back."""
        try:
            source = cls(data[len(mark) :].decode(encoding, "surrogateescape"), encoding, mark)
            return source if source.encode(source.text) == data else None
        except (UnicodeDecodeError, EditError):
            return None

    def encode(self, text: str) -> bytes:
        """Another text as this file would hold it.

        Raises:
            EditError: its encoding has no such character.
        """
        try:
            return self.mark + text.encode(self.encoding, "surrogateescape")
        except UnicodeEncodeError as error:
            what = ascii(error.object[error.start : error.end])
            raise EditError(f"the file is encoded in {self.encoding}, which has no {what}") from error

    @property
    def shown(self) -> str:
        """The text as it can be sent: line feeds alone, a sign for each byte that is no text."""
        text = re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", self.text)
        return text.replace("\r\n", "\n")


def _declared(data: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except (SyntaxError, LookupError):  # an encoding that there is not, or bytes that are none of it
        return "utf-8"
