"""Plain data as JSON has it -> our values, by their types; nothing in it is taken on trust."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

__all__ = ["items", "made", "mapping", "typed"]

_DEPTH = 50


def made(kind: Any, document: Mapping[str, Any], where: str, **known: Any) -> Any:
    """One of our values; a key that the document lacks keeps its default."""
    values, types = dict(known), _types(kind)
    for field in attrs.fields(kind):
        place = f"{where}.{field.name}".lstrip(".")
        if field.name in known:
            continue
        if field.name in document:
            values[field.name] = typed(types[field.name], document[field.name], place)
        elif field.default is attrs.NOTHING:
            raise ValueError(f"{place} is missing")
    return kind(**values)


@functools.cache
def _types(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def typed(kind: Any, value: object, where: str) -> Any:
    """The value as one of the kind, the type of a field of ours.

    Raises:
        ValueError: it is none.
    """
    origin, parts = get_origin(kind), get_args(kind)
    union = origin in (UnionType, Union)
    if kind is Any:
        return _simple(value, where, _DEPTH)
    if attrs.has(kind):
        return made(kind, mapping(value, where), where)
    if origin in (tuple, frozenset) and isinstance(value, list):
        return origin(typed(parts[0], item, f"{where}[{n}]") for n, item in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {key: typed(parts[1], item, f"{where}.{key}") for key, item in value.items()}
    if union and value is not None:
        return typed(next(part for part in parts if part is not NoneType), value, where)
    if kind is float:
        allowed = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        allowed = (origin is Literal and value in parts) or type(value) is kind
    if allowed or (union and value is None):
        return value
    raise ValueError(f"{where} is {value!r:.50}")


def _simple(value: object, where: str, depth: int) -> object:
    """What a reducer left, if it can be shown: no number without end, no depth without end."""
    if depth == 0:
        raise ValueError(f"{where} is nested too deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where} is {value}")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        _simple(item, where, depth - 1)
    return value


def mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r:.50}, no object")
    return value


def items(document: Mapping[str, Any], key: str) -> list[Any]:
    items = document.get(key)
    if not isinstance(items, list):
        raise ValueError(f"{key} is {items!r:.50}, no list")
    return items
