"""What flagged code uses of other files, and who calls what it defines: for Python, by its syntax alone."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import trio

from stomper_sdk.guard.python import parsed
from stomper_sdk.model.alignment import split_lines
from stomper_sdk.model.finding import Finding
from stomper_sdk.prompts.codebase import Codebase, folder_texts
from stomper_sdk.prompts.outline import Definition, dotted, outline
from stomper_sdk.prompts.values import Related, Snippet
from stomper_sdk.vcs.git import in_thread

__all__ = ["Neighbours", "related"]

_DEFINITIONS, _CALLERS = 12, 8
_CALLERS_OF_A_FILE = 2
_CHARACTERS = 6_000
_WHOLE_LINES = 40
_AROUND = 2
#: How many names are looked up, and how many bytes of files with such a call are parsed.
_NAMES, _SEARCHED = 60, 1_000_000
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Neighbours:
    """Related code for all files of a run; the repository is read once, however many files wait for it.

    Args:
        read: gives the texts of the repository's Python files, as they are in one commit whatever was fixed
            since; without it they are read from the first tree that is given.
    """

    def __init__(self, read: Callable[[], Mapping[str, bytes]] | None = None) -> None:
        self._read = read
        self._codebase: Codebase | None = None
        self._lock = trio.Lock()

    async def of(self, path: str, source: str, findings: Sequence[Finding], root: Path) -> Related:
        """The code that is related to some findings of a file.

        Args:
            path: the file, relative to the root.
            source: its text now.
            findings: those of other files are passed over.
            root: a checkout.
        """
        if not path.endswith((".py", ".pyi")):
            return Related()
        async with self._lock:
            if self._codebase is None:
                self._codebase = await in_thread(self._found, root)
        return await in_thread(related, path, source, findings, self._codebase)

    def _found(self, root: Path) -> Codebase:
        return Codebase.of(self._read() if self._read else folder_texts(root), root)


def related(path: str, source: str, findings: Sequence[Finding], code: Codebase) -> Related:
    """The same of what is in memory; limits are counted, not timed, so that it is always the same."""
    tree = parsed(source)
    if tree is None:
        return Related()
    lines = {finding.line for finding in findings if finding.path == path and finding.line}
    scopes = [chain for line in sorted(lines) if (chain := _chain(tree, line))]
    definitions = _limited(_definitions(path, source, scopes, code), _DEFINITIONS)
    return Related(definitions, _limited(_callers(path, scopes, code), _CALLERS))


def _limited(snippets: Iterable[Snippet], count: int) -> tuple[Snippet, ...]:
    """As many as may be, each once."""
    taken: dict[tuple[str, int], Snippet] = {}
    left = _CHARACTERS
    for snippet in snippets:
        place = (snippet.path, snippet.line)
        if place not in taken and len(snippet.text) <= left:
            left -= len(snippet.text)
            taken[place] = snippet
        if len(taken) >= count:
            break
    return tuple(taken.values())


def _chain(tree: ast.Module, line: int) -> list[ast.stmt]:
    """The definitions around a line, the outermost first; the statement where there are none."""
    chain: list[ast.stmt] = []
    body: Sequence[ast.stmt] = tree.body
    while inner := next((node for node in body if _holds(node, line)), None):
        if isinstance(inner, _Scope) or not chain:
            chain.append(inner)
        body = [node for node in ast.iter_child_nodes(inner) if isinstance(node, ast.stmt)]
    scopes = [node for node in chain if isinstance(node, _Scope)]
    return list(scopes or chain[:1])


def _holds(node: ast.stmt, line: int) -> bool:
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(each.lineno for each in decorators)])
    last: int = node.end_lineno or node.lineno
    return first <= line <= last


def _definitions(
    path: str, source: str, scopes: Sequence[Sequence[ast.stmt]], code: Codebase
) -> Iterator[Snippet]:
    """What the innermost scopes name and the file imports; of a method also the one that it overrides."""
    imports = outline(source.encode()).imports
    names = dict.fromkeys(name for chain in scopes for name in _named(chain))
    known = {name.partition(".")[0] for name in imports}
    imported_names = (name for name in names if name.partition(".")[0] in known)
    for name in itertools.islice(imported_names, _NAMES):
        parts = name.split(".")
        for count in range(len(parts), 0, -1):
            imported = imports.get(".".join(parts[:count]))
            target = code.meant(imported, path) if imported else None
            if target is not None:
                rest = ".".join(filter(None, (target[1], *parts[count:])))
                if snippet := _defined(path, target[0], rest, code):
                    yield snippet
                break


def _defined(importer: str, path: str, name: str, code: Codebase) -> Snippet | None:
    """The definition of a name, or of the class or function that it is an attribute of."""
    while name:
        found = code.defined(path, name)
        if found is not None:
            where, qualified, definition = found
            text = code.texts[where].decode("utf-8", "replace")
            return None if where == importer else _snippet(qualified, where, text, definition)
        name = name.rpartition(".")[0]
    return None


def _snippet(name: str, path: str, text: str, definition: Definition) -> Snippet:
    """A definition whole where it is short, else its heads."""
    lines = split_lines(text)
    whole = definition.end - definition.start < _WHOLE_LINES
    spans = ((definition.start, definition.end),) if whole else definition.heads
    shown: list[str] = []
    for start, end in spans:
        shown += lines[start - 1 : end]
    return Snippet(name, path, definition.start, "\n".join(shown if whole else [*shown, "    ..."]))


def _named(chain: Sequence[ast.stmt]) -> Iterator[str]:
    innermost = chain[-1]
    bases = [dotted(base) for node in chain if isinstance(node, ast.ClassDef) for base in node.bases]
    if not isinstance(innermost, ast.ClassDef) and isinstance(innermost, _Scope):
        yield from (f"{base}.{innermost.name}" for base in bases)
    yield from bases
    for node in ast.walk(innermost):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = dotted(node)
            if not name.startswith("."):
                yield name


def _callers(path: str, scopes: Sequence[Sequence[ast.stmt]], code: Codebase) -> Iterator[Snippet]:
    """Calls, in files that import the file, of what is defined around the findings."""
    left = _SEARCHED
    for name, called in dict(map(_called, filter(_is_defined, scopes))).items():
        for other in code.may_call(called, path):
            left -= len(code.texts[other])
            if left < 0:
                return
            lines = code.outline(other).calls.get(called, ())
            if lines and _imports(other, path, code):
                text = split_lines(code.texts[other].decode("utf-8", "replace").rstrip())
                yield from (_call(name, other, text, line) for line in _apart(lines)[:_CALLERS_OF_A_FILE])


def _apart(lines: Iterable[int]) -> list[int]:
    """The lines in order, without those that are shown around the one before."""
    apart: list[int] = []
    for line in sorted(lines):
        if not apart or line > apart[-1] + _AROUND:
            apart.append(line)
    return apart


def _is_defined(chain: Sequence[ast.stmt]) -> bool:
    return isinstance(chain[-1], _Scope)


def _called(chain: Sequence[ast.stmt]) -> tuple[str, str]:
    """The qualified name of a scope, and the name under which it is called; a class by its own name."""
    names = [node.name for node in chain if isinstance(node, _Scope)]
    if names[-1].startswith("__") and len(names) > 1:
        names.pop()
    return ".".join(names), names[-1]


def _imports(importer: str, path: str, code: Codebase) -> bool:
    """Whether a file imports something of another one, also through a package that only passes it on."""
    for imported in code.outline(importer).imports.values():
        target = code.meant(imported, importer)
        if target is not None and target[0] != path and target[0].endswith("__init__.py"):
            home = code.defined(*target) if target[1] else None
            target = home[:2] if home else None
        if target is not None and target[0] == path:
            return True
    return False


def _call(name: str, path: str, lines: Sequence[str], line: int) -> Snippet:
    start = max(line - 1 - _AROUND, 0)
    return Snippet(name, path, line, "\n".join(lines[start : line + _AROUND]).strip("\n"))
