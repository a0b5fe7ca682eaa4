"""A page that is one file: it asks for nothing, runs one script, and works without it.

Nothing else can run or load, whatever a page shows: its policy names the style and the script by their
digests (https://www.w3.org/TR/CSP3/). So a page has no `style` attributes and no handlers; what it draws is
SVG with classes of `assets/page.css`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from stomper_sdk.errors import StomperError
from stomper_sdk.look.fragments import line

__all__ = ["Choice", "Section", "save", "shell", "sieve"]

_ASSETS = Path(__file__).parent / "assets"


@attrs.frozen
class Section:
    """A part of a page.

    Args:
        name: its id, in plain letters; how `#name` leads to it.
        title: its heading, as text.
        body: its content, as HTML of which every text is escaped (`look.fragments`).
    """

    name: str
    title: str
    body: str


@attrs.frozen
class Choice:
    """A way to narrow rows: those that have one of the values in a column, counted from 0."""

    label: str
    column: int
    values: Sequence[str]


def shell(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """A page of its own.

    Args:
        title: its name, as text.
        sections: its parts, to which a bar at the top leads.
        lead: what stands under the title, as text.
    """
    style, script = _asset("page.css"), _asset("page.js")
    links = "".join(f'<li><a href="#{it.name}">{line(it.title)}</a></li>' for it in sections)
    parts = "".join(
        f'<section id="{it.name}" aria-labelledby="{it.name}-title">'
        f'<h2 id="{it.name}-title">{line(it.title)}</h2>{it.body}</section>\n'
        for it in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{html.escape(_policy(style, script))}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{line(title)}</title>
<style>{style}</style>
</head>
<body>
<a class="skip" href="#{sections[0].name}">To the content</a>
<header><h1>{line(title)}</h1><p class="soft">{line(lead)}</p></header>
<nav aria-label="Parts"><ul>{links}</ul></nav>
<main>
{parts}</main>
<script>{script}</script>
</body>
</html>"""


def sieve(rows: str, label: str, choices: Iterable[Choice] = (), *, folds: bool = False) -> str:
    """The controls that narrow rows while somebody types; they are there only where scripts run.

    Args:
        rows: a CSS selector of the rows: of a table's `tr`, or of `details` whose summaries have the columns.
        label: what is searched, as text.
        choices: the columns by which they are narrowed.
        folds: whether rows are `details`, to be folded and unfolded together.
    """
    selects = "".join(map(_select, choices))
    buttons = '<button type="button" data-fold="open">Unfold all</button>'
    buttons += '<button type="button" data-fold="shut">Fold all</button>'
    return (
        f'<form data-rows="{rows}" role="search" hidden>'
        f'<label>{line(label)} <input type="search" autocomplete="off" spellcheck="false"></label>'
        f'{selects}<button type="reset">Show all</button>{buttons if folds else ""}<output></output></form>'
    )


def save(path: Path, page: str) -> None:
    """Write a page.

    Raises:
        StomperError: it cannot be written.
    """
    try:
        path.write_text(f"{page}\n", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StomperError(f"{path} cannot be written: {error.strerror}") from error


def _select(choice: Choice) -> str:
    options = "".join(f"<option>{line(value)}</option>" for value in choice.values)
    return (
        f'<label>{line(choice.label)} <select data-column="{choice.column}">'
        f'<option value="">any</option>{options}</select></label>'
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


@functools.cache
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
