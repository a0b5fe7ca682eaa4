"""Plain data as JSON has it -> our values, by their types; nothing in it is taken on trust.

What reads a type is made once: a past run of ten thousand files holds a million values.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import attrs

__all__ = ["items", "made", "mapping", "typed"]

_DEPTH = 50
_Read = Callable[[Any], Any]


class _WrongError(Exception):
    """What is wrong, and the steps to its place, the innermost first: who lets it pass adds one."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told
        self.steps: list[str] = []

    def at(self, where: str) -> ValueError:
        place = "".join([where, *reversed(self.steps)]).lstrip(".")
        return ValueError(f"{place} {self.told}")


def made(kind: Any, document: Mapping[str, Any], where: str, **known: Any) -> Any:
    """One of our values; a key that the document lacks keeps its default."""
    try:
        return _made(kind, document, known)
    except _WrongError as wrong:
        raise wrong.at(where) from None


def typed(kind: Any, value: object, where: str) -> Any:
    """The value as one of the kind, the type of a field of ours.

    Raises:
        ValueError: it is none.
    """
    try:
        return _reader(kind)(value)
    except _WrongError as wrong:
        raise wrong.at(where) from None


def _made(kind: Any, document: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    values, name = dict(known), ""
    try:
        for name, read, needed in _fields(kind):
            if name in values:
                continue
            if name in document:
                values[name] = read(document[name])
            elif needed:
                raise _WrongError("is missing")
    except _WrongError as wrong:
        wrong.steps.append(f".{name}")
        raise
    return kind(**values)


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, _Read, bool], ...]:
    """Each field's name, what reads it, and whether it has no default."""
    types = get_type_hints(kind)
    return tuple(
        (field.name, _reader(types[field.name]), field.default is attrs.NOTHING)
        for field in attrs.fields(kind)
    )


@functools.cache
def _reader(kind: Any) -> _Read:
    """What takes a value for one of the kind, or raises what is wrong with it."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return _simple
    if attrs.has(kind):
        return lambda value: _made(kind, _object(value), {})
    if origin in (tuple, frozenset):
        return _listed(origin, _reader(parts[0]))
    if origin is Mapping:
        return _keyed(_reader(parts[1]))
    if origin in (UnionType, Union):
        read = _reader(next(part for part in parts if part is not NoneType))
        return lambda value: None if value is None else read(value)
    if kind is float:
        return _number
    if origin is Literal:
        return lambda value: value if value in parts else _refuse(value)
    return lambda value: value if type(value) is kind else _refuse(value)


def _refuse(value: object) -> NoReturn:
    raise _WrongError(f"is {value!r:.50}")


def _listed(collection: Callable[[list[Any]], Any], read: _Read) -> _Read:
    def read_all(value: object) -> Any:
        if not isinstance(value, list):
            _refuse(value)
        found = []
        for item in value:
            try:
                found.append(read(item))
            except _WrongError as wrong:
                wrong.steps.append(f"[{len(found)}]")
                raise
        return collection(found)

    return read_all


def _keyed(read: _Read) -> _Read:
    def read_all(value: object) -> Any:
        if not isinstance(value, dict):
            _refuse(value)
        found = {}
        for key, item in value.items():
            try:
                found[key] = read(item)
            except _WrongError as wrong:
                wrong.steps.append(f".{key}")
                raise
        return found

    return read_all


def _number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    _refuse(value)


def _simple(value: object, depth: int = _DEPTH) -> object:
    """What a reducer left, if it can be shown: no number without end, no depth without end."""
    if depth == 0:
        raise _WrongError("is nested too deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise _WrongError(f"is {value}")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _simple(item, depth - 1)
    return value


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError(f"is {value!r:.50}, no object")
    return value


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """The value, which is to be a JSON object.

    Raises:
        ValueError: it is none.
    """
    try:
        return _object(value)
    except _WrongError as wrong:
        raise wrong.at(where) from None


def items(document: Mapping[str, Any], key: str) -> list[Any]:
    """The list under a key of a document.

    Raises:
        ValueError: there is none.
    """
    items = document.get(key)
    if not isinstance(items, list):
        raise ValueError(f"{key} is {items!r:.50}, no list")
    return items
