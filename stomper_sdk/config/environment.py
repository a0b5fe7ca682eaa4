"""`${NAME}` and `${NAME:-default}` in string values, and keeping what they bring out of sight."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from stomper_sdk.config.document import Node, Trail, problem_at, unusable
from stomper_sdk.errors import Problem

__all__ = ["Substitution", "escaped"]

_REFERENCE = re.compile(
    r"(?P<literal>\$\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(:-(?P<default>[^}]*))?\}|\$\{"
)


def escaped(text: str) -> str:
    """The text that a substitution turns into `text`."""
    return text.replace("${", "$${")


@attrs.define
class Substitution:
    """Replaces references all through a pipeline; gathers the secrets and what is wrong.

    As in a shell, `:-` stands in for a variable that is missing or empty. A default is part of the
    text, hence no secret.
    """

    environ: Mapping[str, str]
    secrets: set[str] = attrs.field(factory=set)
    problems: list[Problem] = attrs.field(factory=list)

    def visit(self, node: Node, trail: Trail = ()) -> Node:
        """The node with every reference below it replaced."""
        if isinstance(node.value, dict):
            values = {key: self.visit(child, (*trail, key)) for key, child in node.value.items()}
            return attrs.evolve(node, value=values)
        if isinstance(node.value, tuple):
            items = enumerate(node.value)
            children = tuple(self.visit(child, (*trail, index)) for index, child in items)
            return attrs.evolve(node, value=children)
        if isinstance(node.value, str) and "${" in node.value:
            return self._text(node, node.value, trail)
        return node

    def _text(self, node: Node, text: str, trail: Trail) -> Node:
        references = _References(self.environ)
        replaced = _REFERENCE.sub(references.replace, text)
        self.secrets.update(filter(None, references.used))
        if references.malformed:
            message = "expected ${NAME} or ${NAME:-default}; a literal ${ is written $${"
            self.problems.append(problem_at(node, trail, message))
        if references.missing:
            self.problems.append(problem_at(node, trail, _missing(references.missing)))
        if references.used and unusable(replaced):
            self.problems.append(problem_at(node, trail, "the environment's value is no text"))
        return attrs.evolve(node, value=replaced, secret=node.secret or bool(references.used))


@attrs.define
class _References:
    """The references of one text: the values that were used, and what is wrong."""

    environ: Mapping[str, str]
    used: list[str] = attrs.field(factory=list)
    missing: list[str] = attrs.field(factory=list)
    malformed: bool = False

    def replace(self, match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match["literal"]:
            return "${"
        if name is None:
            self.malformed = True
            return ""
        value = self.environ.get(name)
        if value or (value is not None and default is None):
            self.used.append(value)
            return value
        if default is None:
            self.missing.append(name)
        return default or ""


def _missing(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    if len(unique) == 1:
        return f"the environment variable {unique[0]} is not set"
    return f"the environment variables {', '.join(unique)} are not set"
