"""What an assertion claims, in one form whatever way it is written."""

from __future__ import annotations

import ast
import re

import attrs

__all__ = ["CLOSE", "Claim", "literals", "text_of", "value_of"]

CLOSE = 1e-6  # how far apart equal floats may be


@attrs.frozen
class Claim:
    """One assertion: the operator, of what, and what is expected of it, as text.

    `literals` are the words and numbers in what is expected, `value` what it is where it can be said.
    `tolerance` is how far it may be off; `conditional`, whether it is made only if something holds.
    """

    operator: str
    subject: str
    expected: str
    line: int
    literals: frozenset[str] = frozenset()
    value: object = ...
    tolerance: float = 0.0
    conditional: bool = False

    def __str__(self) -> str:
        of = f"isinstance({self.subject}, {self.expected})" if self.expected else self.subject
        match = f", match {' '.join(sorted(self.literals))}" if self.literals else ""
        match self.operator:
            case "true" | "nothing" | "call" | "fail":
                return of
            case "false":
                return f"not {of}"
            case "raises":
                return f"raises {self.expected}{match}"
            case operator if operator.startswith("assert"):
                return f"{self.subject}.{operator}({self.expected})"
        around = f" ± {self.tolerance:g}" if self.tolerance > CLOSE else ""
        return f"{self.subject} {self.operator} {self.expected}{around}".strip()


def literals(node: ast.AST) -> frozenset[str]:
    """The numbers, and the words of the texts, without what a format fills in."""
    found: set[str] = set()
    for child in ast.walk(node):
        match child:
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                found.add(f"-{number}")
            case ast.Constant(value=str() | bytes() as value):
                text = value if isinstance(value, str) else value.decode("latin-1")
                bare = re.sub(r"%(?:\(\w*\))?[-#0 +.\d*]*[a-zA-Z]|\{[^{}]*\}|\\", " ", text).replace(
                    "%%", "%"
                )
                found.update(re.findall(r"\w+|[^\w\s]", bare))
            case ast.Constant(value=other):
                found.add(repr(other))
    return frozenset(found)


def value_of(node: ast.expr) -> object:
    """What a literal is; an ellipsis for what is none."""
    try:
        value: object = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...
    return value


def text_of(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
