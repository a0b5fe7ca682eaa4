"""The pieces of HTML that notebooks and reports are made of.

Whatever a file, a tool or a model says is escaped twice: signs that trick a reader, then those of HTML.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from stomper_sdk.model.present import one_line, visible

__all__ = ["TEXT", "Html", "Number", "cell", "diff", "line", "name", "outcome", "table", "text"]

#: The bytes that a text takes at most where nothing else is said.
TEXT = 20_000
_TAGS = {"+": "ins", "-": "del", "@": "i"}


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


class Number(str):
    """A number with its unit, as text."""

    __slots__ = ()


def line(said: str, limit: int = 300) -> str:
    """A text of any shape as one line, fit for an attribute, too."""
    return html.escape(one_line(said, limit))


def name(path: str) -> str:
    """The name of a file, with all that is in it: two that differ look different."""
    return html.escape(visible(path))


def text(said: str, limit: int = TEXT) -> str:
    """A text of several lines in a frame; where it would take more bytes it is cut, and that is told."""
    return f"<pre>{_fitted(said, limit, _escaped)}</pre>"


def diff(patch: str, limit: int = TEXT) -> str:
    """A patch with its added and removed lines marked, cut likewise."""
    return f"<pre>{_fitted(patch, limit, _marked)}</pre>"


def facts(told: Mapping[str, str]) -> str:
    """What there is to say by its name, each on a line; what is empty is left out."""
    shown = (f"<dt>{line(name)}</dt><dd>{line(said, 1000)}</dd>" for name, said in told.items() if said)
    return f"<dl>{''.join(shown)}</dl>"


def notes(told: Iterable[str]) -> str:
    """What a person should know, a paragraph each."""
    return "".join(f'<p class="note">{line(note, 1000)}</p>' for note in told)


def outcome(word: str) -> Html:
    """How a file or an attempt ended, in its colour."""
    return Html(f'<span class="o {word}">{word}</span>')


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows under a header; numbers stand to the right, and so does what stands above them."""
    listed = list(rows)
    numbers = {n for row in listed[:1] for n, value in enumerate(row) if isinstance(value, int | Number)}
    sides = (' class="n"' if n in numbers else "" for n in range(len(header)))
    head = "".join(f"<th{side}>{line(column)}</th>" for side, column in zip(sides, header, strict=True))
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in listed)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell(value: object) -> str:
    """A value in a cell of its own; None is an empty one."""
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    if isinstance(value, Number):
        return f'<td class="n">{line(value)}</td>'
    if isinstance(value, Html):
        return f"<td>{value}</td>"
    return f"<td>{line(str(value), 200) if value is not None else ''}</td>"


def _marked(patch: str) -> str:
    parts = []
    for tag, lines in itertools.groupby(_tagged(patch), key=lambda pair: pair[0]):
        shown = _escaped("\n".join(said for _, said in lines))
        parts.append(f"<{tag}>{shown}</{tag}>\n" if tag else f"{shown}\n")
    return "".join(parts)


def _tagged(patch: str) -> Iterator[tuple[str, str]]:
    """Each line of a patch with its tag; what stands above the first place of a file is none of its lines."""
    inside = False
    for said in patch.removesuffix("\n").split("\n"):
        inside = said.startswith("@@") or (inside and not said.startswith("diff "))
        yield _TAGS.get(said[:1], "") if inside else "", said


def _escaped(said: str) -> str:
    lines = ("\t".join(map(visible, line.split("\t"))) for line in said.split("\n"))
    return html.escape("\n".join(lines), quote=False)


def _fitted(said: str, limit: int, shown: Callable[[str], str]) -> str:
    start = said[:limit]
    # What is not ASCII, or is escaped, takes more bytes than it has characters.
    while (size := len((part := shown(start)).encode())) > limit and start:
        start = start[: len(start) * limit // size]
    return part if start == said else f"{part}\n[{len(said) - len(start):,} more characters]"
