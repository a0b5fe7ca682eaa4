"""A value of a pipeline together with the place where it was written.

Every later step (inheriting, overriding, the environment) makes new nodes out of old ones, so that a
problem always points into the file that holds the mistake.
"""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from stomper_sdk.errors import PipelineError, Problem

__all__ = [
    "MAX_DEPTH",
    "MAX_NODES",
    "Node",
    "Place",
    "Scalar",
    "Trail",
    "dotted",
    "from_python",
    "in_order",
    "merged",
    "places_in",
    "problem_at",
    "quoted",
    "shown",
    "unusable",
]

Scalar: TypeAlias = str | int | float | bool | None
Trail: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 40
MAX_NODES = 20_000
_LARGEST_NUMBER = 10**15
_SHOWN_LENGTH = 60


@attrs.frozen
class Place:
    """Where something stands; `line` and `column` count from 1, 0 where the text has none."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@attrs.frozen
class Node:
    """A value and its place; `key` is the place of its key, in a mapping.

    `secret` says that the value came from the environment, at least in part, and is never shown.
    """

    value: dict[str, Node] | tuple[Node, ...] | Scalar
    place: Place
    key: Place | None = None
    secret: bool = False

    def items(self) -> Iterable[tuple[str | int, Node]]:
        """The children by key or index; none for a scalar."""
        if isinstance(self.value, dict):
            return self.value.items()
        return enumerate(self.value) if isinstance(self.value, tuple) else ()

    def at(self, *trail: str | int) -> Node | None:
        """The node at the end of a trail, None if there is none."""
        node: Node | None = self
        for step in trail:
            node = node._child(step) if node else None
        return node

    def _child(self, step: str | int) -> Node | None:
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, tuple) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def plain(self) -> Any:
        """The value without places: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value


def from_python(value: object, place: Place, *, secrets: Collection[str] = ()) -> Node:
    """A node of plain Python values, all at one place; text that holds a secret is one.

    Raises:
        PipelineError: if a value is no text, number, truth value, list or mapping.
    """
    return _Converter(place, secrets).convert(value, ())


@attrs.frozen
class _Converter:
    place: Place
    secrets: Collection[str]

    def convert(self, value: object, trail: Trail) -> Node:
        if len(trail) > MAX_DEPTH:
            raise self._refused(trail[:3], f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(value, Mapping):
            return Node(self._mapping(value, trail), self.place)
        if isinstance(value, list | tuple):
            items = enumerate(value)
            children = tuple(self.convert(item, (*trail, index)) for index, item in items)
            return Node(children, self.place)
        scalar = self._scalar(value, trail)
        reason = unusable(scalar)
        if reason:
            raise self._refused(trail, reason)
        secret = isinstance(scalar, str) and any(text in scalar for text in self.secrets)
        return Node(scalar, self.place, secret=secret)

    def _mapping(self, value: Mapping[Any, object], trail: Trail) -> dict[str, Node]:
        for key in value:
            if not isinstance(key, str) or unusable(key):
                raise self._refused(trail, f"expected text as key, got {key!r}")
        return {
            str.__str__(key): attrs.evolve(self.convert(child, (*trail, key)), key=self.place)
            for key, child in value.items()
        }

    def _scalar(self, value: object, trail: Trail) -> Scalar:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, os.PathLike):
            return os.fsdecode(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, numbers.Integral):
            return int(value)
        if isinstance(value, numbers.Real):
            return float(value)
        kind = type(value).__name__
        raise self._refused(trail, f"expected text, a number, a list or a mapping, got {kind}")

    def _refused(self, trail: Trail, message: str) -> PipelineError:
        return PipelineError([problem_at(Node(None, self.place), trail, message)])


def unusable(value: Scalar) -> str:
    """Why no key can hold such a value, empty if one could."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            return "expected text, got a character that no text can hold"
    elif value is not None and not (math.isfinite(value) and abs(value) < _LARGEST_NUMBER):
        return "expected a number of reasonable size"
    return ""


def merged(base: Node, top: Node) -> Node:
    """`top` over `base`: mappings merge by key, everything else replaces."""
    if not (isinstance(base.value, dict) and isinstance(top.value, dict)):
        return top
    values = dict(base.value)
    for key, child in top.value.items():
        values[key] = merged(values[key], child) if key in values else child
    return attrs.evolve(top, value=values)


def dotted(trail: Trail) -> str:
    """A trail as people write it: `stages[2].attempt[0]`."""
    text = ""
    for step in trail:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w:-]+", step):
            text += f".{step}" if text else step
        else:
            text += f"[{quoted(step)}]"
    return text


def shown(node: Node | None) -> str:
    """A value as a message may show it: short, and never what came from the environment."""
    if node is None or node.value is None:
        return "nothing"
    if node.secret:
        return "a value from the environment"
    if isinstance(node.value, bool):
        return str(node.value).lower()
    if isinstance(node.value, str | int | float):
        return quoted(node.value)
    kind = "mapping" if isinstance(node.value, dict) else "list"
    return f"a {kind}" if node.value else f"an empty {kind}"


def problem_at(node: Node, trail: Trail, message: str, suggestion: str = "", *, key: bool = False) -> Problem:
    """A problem with a node's value, or with its key."""
    place = node.key if key and node.key else node.place
    return Problem(message, dotted(trail), place.file, place.line, place.column, suggestion)


def quoted(value: object) -> str:
    """A value as in the text, shortened where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"


def places_in(node: Node, trail: Trail = ()) -> Iterator[tuple[str, str]]:
    """Where each dotted path stands, for those who find a mistake later."""
    yield dotted(trail), str(node.key or node.place)
    for step, child in node.items():
        yield from places_in(child, (*trail, step))


def in_order(problems: list[Problem]) -> list[Problem]:
    """As they stand in the files; of several with one value, and of one merged in often, the first."""
    by_value: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        by_value.setdefault((problem.path, *_place(problem)), problem)
    by_text: dict[tuple[object, ...], Problem] = {}
    for problem in sorted(by_value.values(), key=lambda each: (*_place(each), each.path)):
        where = "" if problem.line else problem.path
        by_text.setdefault((*_place(problem), problem.message, where), problem)
    return list(by_text.values())


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.file, problem.line, problem.column
