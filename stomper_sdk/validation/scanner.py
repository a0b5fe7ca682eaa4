"""What a Python file may import, read from its text.

Not by `ast`: a thousand files must be looked at in about a second, in whatever version of the language
they are written, and code in strings (`python -c`, doctests) imports as well. What is found is a
superset of the import statements that a parser finds; a name too many costs a test run, one too few
would hide a broken test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

__all__ = ["FileImports", "Import", "scan"]

_STATEMENT = re.compile(
    r"""
    (?: ^ | [;:"'`] | \\n | >>>) [ \t\f]*
    (?: from \b [ \t]* (?P<module> [.\w][.\w \t]*?) [ \t]* \b import \b [ \t]*
        (?P<members> \( (?: [^()#] | \#[^\n]* )* \) | [^\n;"'#\\]* )
      | import [ \t]+ (?P<modules> [^\n;"'#(\\]+) )
    """,
    re.VERBOSE | re.MULTILINE,
)
_BY_NAME = re.compile(
    r"""
    (?: import_module | __import__ | importorskip | import_fresh_module | run_module )
    (?: [ \t]+ as \b | [ \t]* \( \s* (?P<literal> (?: "[.\w]+" | '[.\w]+' ) (?= \s*[,)] ) )? )
    """,
    re.VERBOSE,
)
_AT_RUN_TIME = re.compile(
    r"(spec_from_file_location|SourceFileLoader|run_path|load_module|entry_points)[ \t]*\("
)
_RUN_AS_MODULE = re.compile(r"""-m(?:["'][ \t]*,\s*["']|[ \t]+)([.\w]+)""")
_STRING = re.compile(r"""["']([\w./-]{1,120})(?=["'])""")
_EVERY_FILE = re.compile(r"""\*\.py["']""")
_PLUGINS = re.compile(
    r"""
    ^pytest_plugins\b
    (?! \s* (?: :[^=\n]* )? = \s* [\[(]? \s* (?: ["'][\w.]+["'] [\s,]* )* [\])]? \s* $)
    """,
    re.VERBOSE | re.MULTILINE,
)
_MOVES_PATH = re.compile(
    r"sys\.path(?:\.(?:insert|append|extend)|\[[^\]]*\]\s*=|\s*\+?=(?!=))|syspath_prepend|addsitedir"
)
_COMMENT = re.compile(r"#[^\n]*")


@attrs.frozen
class Import:
    """One import: the dots before the module, its dotted name, the names taken out of it."""

    level: int
    module: str
    members: tuple[str, ...] = ()


@attrs.frozen
class FileImports:
    """What one file may import.

    `words` are its strings that could name a module, a script or a file, which counts in tests alone;
    `opaque` says why the file may import anything, empty where it may not; `moves_path` that it changes
    where modules are searched; `collects` that it finds tests in a way of its own.
    """

    imports: frozenset[Import] = frozenset()
    words: frozenset[str] = frozenset()
    opaque: str = ""
    moves_path: bool = False
    collects: bool = False


def scan(source: bytes, *, test_support: bool) -> FileImports:
    """Read the imports of one file.

    Args:
        source: its content.
        test_support: whether it serves tests, so that its strings count.
    """
    text = source.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ")
    return FileImports(
        frozenset((*_statements(text), *_by_name(text))),
        frozenset(_STRING.findall(text)) if test_support else frozenset(),
        _opaque(text, test_support),
        _MOVES_PATH.search(text) is not None,
        "def pytest_collect_file" in text,
    )


def _statements(text: str) -> Iterator[Import]:
    for match in _STATEMENT.finditer(text):
        if match["modules"] is not None:
            yield from (Import(0, name) for name in _first_words(match["modules"]))
            continue
        module = re.sub(r"\s", "", match["module"])
        name = module.lstrip(".")
        yield Import(len(module) - len(name), name, _first_words(match["members"]))


def _by_name(text: str) -> Iterator[Import]:
    literals = (match["literal"] for match in _BY_NAME.finditer(text))
    for literal in (*filter(None, literals), *_RUN_AS_MODULE.findall(text)):
        module = literal.strip("\"'")
        name = module.lstrip(".")
        yield Import(len(module) - len(name), name)


def _first_words(listed: str) -> tuple[str, ...]:
    """`(a as b, c,  # why` names a and c."""
    items = (item.split() for item in _COMMENT.sub("", listed).strip("() \n\t").split(","))
    return tuple(item[0] for item in items if item)


def _opaque(text: str, test_support: bool) -> str:
    if any(match["literal"] is None for match in _BY_NAME.finditer(text)):
        return "imports by a name that is known at run time only"
    if match := _AT_RUN_TIME.search(text):
        return f"loads code by {match[1]}"
    if _PLUGINS.search(text):
        return "names its pytest_plugins at run time only"
    if test_support and _EVERY_FILE.search(text):
        return "looks at every *.py file"
    return ""
