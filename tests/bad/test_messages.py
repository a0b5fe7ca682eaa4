"""One voice: what every error says, and every hint, read from the source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import stomper_sdk
from stomper_sdk import errors

PACKAGE = Path(stomper_sdk.__file__).parent
ERRORS = {name for name in dir(errors) if name.endswith("Error")}
NAMES = ("KEY", "MLflow", "Python", "SARIF", "Windows")
NEVER = re.compile(r"!|\b(please|sorry|invalid|illegal|bad|oops|can't|don't|unable to)\b", re.IGNORECASE)


def texts(node: ast.expr, named: Mapping[str, list[str]]) -> Iterator[str]:
    """What an expression can say; `{}` stands for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, named)
        yield from texts(node.orelse, named)
    elif isinstance(node, ast.Name):
        yield from named.get(node.id, [])


def assigned(nodes: Iterable[ast.AST]) -> dict[str, list[str]]:
    named = defaultdict[str, list[str]](list)
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] += texts(node.value, {})
    return named


def said(path: Path) -> tuple[set[str], set[str]]:
    """The messages and the hints of a module; a name stands for all that its function assigns to it."""
    module = ast.parse(path.read_text())
    messages, hints = set[str](), set[str]()
    for function in ast.walk(module):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes = list(ast.walk(function))
            named = {**assigned(module.body), **assigned(nodes)}
            for call in (node for node in nodes if isinstance(node, ast.Call) and node.args):
                kind = getattr(call.func, "id", "")
                if kind == "Problem" or kind in ERRORS - {"PipelineError"}:
                    messages.update(texts(call.args[0], named))
                if kind in ERRORS:
                    given = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "hint")]
                    hints.update(text for hint in given for text in texts(hint, named) if text)
    return messages, hints


def wrong_in(path: Path) -> Iterator[str]:
    messages, hints = said(path)
    for text in messages:
        if not (text[0].islower() or text[0] in "{-`" or text.startswith(NAMES)):
            yield f"a message starts in the middle of a line: {text}"
        if text.endswith("."):
            yield f"a message has no full stop: {text}"
    for text in hints:
        if not (text[0].isupper() or text[0] in "{-"):
            yield f"a hint is a sentence: {text}"
        if not (text.endswith((".", "?")) or ": " in text):  # what follows a colon is there to be typed
            yield f"a hint ends with a full stop: {text}"
    yield from (f"calmer words: {text}" for text in messages | hints if NEVER.search(text))


def test_messages_and_hints_speak_alike() -> None:
    assert [f"{path.name}: {wrong}" for path in PACKAGE.rglob("*.py") for wrong in wrong_in(path)] == []


def test_there_is_something_to_read() -> None:
    found = [said(path) for path in PACKAGE.rglob("*.py")]
    assert sum(len(messages) for messages, _ in found) > 100
    assert sum(len(hints) for _, hints in found) > 40
