"""Values made fit to be shown: text without tricks, plain data for JSON, a table for a notebook.

A file may be named so that a terminal obeys it or a reader misreads it (escape sequences, line feeds,
right-to-left overrides); what is shown passes through `visible` first.
"""

from __future__ import annotations

import html
import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any

import attrs

__all__ = [
    "counted",
    "hide",
    "hide_in",
    "html_table",
    "listed",
    "one_line",
    "plain",
    "seconds_text",
    "visible",
    "visible_lines",
]


_SHORTEST_SECRET = 2
#: The keys of documents under which anybody's words may stand.
_FREE = frozenset(
    {"command", "error", "message", "notices", "prompt", "reason", "reply", "scope", "tests", "text"}
)


def visible(text: str) -> str:
    """The text with every control, bidi, zero-width and undecodable character written as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def visible_lines(text: str) -> str:
    """The same for a text of several lines, which it keeps."""
    return "\n".join(visible(line) for line in text.split("\n"))


def hide(text: str, secrets: Collection[str]) -> str:
    """The text without values that came from the environment; one of a letter or two hides nothing."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) > _SHORTEST_SECRET:
            text = text.replace(secret, "***")
    return text


def hide_in(document: Any, secrets: Collection[str]) -> Any:
    """Plain data without those values, where it is free text: what names something stays as it is."""
    return _hidden(document, secrets, free=False) if secrets else document


def _hidden(value: Any, secrets: Collection[str], *, free: bool) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(item, secrets, free=key in _FREE) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, secrets, free=free) for item in value]
    return hide(value, secrets) if free and isinstance(value, str) else value


def one_line(text: str, limit: int = 300) -> str:
    """A message of any length and shape as one line."""
    line = visible(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(items: Sequence[str], shown: int = 5) -> str:
    """`a, b and 3 more`: the first few of some names, fit to be shown."""
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(visible(item) for item in items[:shown]) + more


def seconds_text(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3:05 min`, `1:02:09 h`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02} h"


def plain(value: Any) -> Any:
    """The value as JSON knows it.

    A reducer of the user's own may return anything: what JSON has no word for becomes its text, and a
    number that is not finite becomes null.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if attrs.has(type(value)):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, Iterable) and not isinstance(value, bytes | os.PathLike):
        return [plain(item) for item in value]
    return str(value)


def html_table(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A small table, every cell escaped twice: for the reader, then for HTML."""
    head = "".join(f"<th>{_cell(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(item)}</td>' for item in row)}</tr>" for row in rows)
    return (
        f"<div><p>{_cell(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(value: object) -> str:
    return html.escape(one_line(str(value)))
