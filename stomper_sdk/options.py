"""The options of plug-ins: declared as attrs fields, read from what the YAML holds.

A plug-in is an attrs class. Its fields, but for `name`, are its options; a field's converter is one
of the readers below (or any function that raises ValueError with what it expected).
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from stomper_sdk.errors import PipelineError, Problem

__all__ = [
    "build",
    "command_words",
    "did_you_mean",
    "env_variables",
    "flag",
    "integers",
    "mapping_of",
    "nearest",
    "one_of",
    "option",
    "option_fields",
    "optional",
    "seconds",
    "size",
    "strings",
    "text",
]

T = TypeVar("T")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def option(
    reader: Callable[[Any], Any], default: Any = attrs.NOTHING, meaning: str = "", *, secret: bool = False
) -> Any:
    """An option of a plug-in: how it is read, its default (none: it must be given), what it means.

    What is `secret` is left out where the plug-in is printed.
    """
    told = {"meaning": meaning}
    return attrs.field(default=default, converter=reader, kw_only=True, metadata=told, repr=not secret)


def seconds(value: object) -> float:
    """Seconds from `30s`, `10m`, `1h`, `1.5s`, `500ms`, or a number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a duration such as 30s, 10m, 1h or 1.5s")
    return float(match[1]) * _UNITS[match[2]]


def size(value: object) -> int:
    """Bytes from `512M`, `2G`, `1.5G`, or a number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a size such as 512M, 2G or 1.5G")
    return int(float(match[1]) * 1024 ** ("KMGT".index(match[2]) + 1))


def command_words(value: object) -> tuple[str, ...]:
    """A command from a list of words, or from a string split as a shell splits its words."""
    if isinstance(value, str):
        try:
            words = tuple(shlex.split(value))
        except ValueError as error:
            raise ValueError(f"a command ({error})") from None
    else:
        words = strings(value)
    if not words:
        raise ValueError("a command of at least one word")
    return words


def strings(value: object) -> tuple[str, ...]:
    """Several strings, from a list or from one string."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ValueError("a list of strings")


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a string")
    return value


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def one_of(*names: str) -> Callable[[object], str]:
    """A reader for one of some names."""

    def read(value: object) -> str:
        if value not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return str(value)

    return read


def mapping_of(*names: str) -> Callable[[object], dict[str, str]]:
    """A reader for a mapping of strings to one of some names; to any string where none are given."""

    def read(value: object) -> dict[str, str]:
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise ValueError("a mapping")
        reader = one_of(*names) if names else text
        return {key: reader(item) for key, item in value.items()}

    return read


def env_variables(value: object) -> dict[str, str | None]:
    """Variables of the environment: their names alone to pass ours on, or a mapping to values."""
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value)
    if isinstance(value, Mapping) and all(isinstance(item, str) for pair in value.items() for item in pair):
        return dict(value)
    raise ValueError("a list of names, or a mapping of names to values")


def integers(value: object) -> tuple[int, ...]:
    items = value if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
        raise ValueError("a list of whole numbers")
    return tuple(items)


def optional(reader: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """The same reader, and null for "not given"."""
    return lambda value: None if value is None else reader(value)


def option_fields(plugin: type[Any]) -> dict[str, attrs.Attribute[Any]]:
    """The options of a plug-in by name, each with its default, its reader, and `metadata["meaning"]`."""
    return {field.name: field for field in attrs.fields(plugin) if field.init and field.name != "name"}


def build(plugin: type[Any], name: str, options: Mapping[str, Any], path: str) -> Any:
    """Make a plug-in from its options.

    Args:
        plugin: an attrs class with a field `name`.
        name: its name in the pipeline.
        options: what the YAML holds.
        path: the dotted path of the options, for messages.

    Raises:
        PipelineError: options are unknown, missing, or of the wrong type; it holds all of them.
    """
    if not attrs.has(plugin):
        raise PipelineError([Problem(f"{plugin.__qualname__} is no attrs class, so it has no options", path)])
    fields = option_fields(plugin)
    problems = [
        Problem(f"unknown option {key!r} of {name!r}", f"{path}.{key}", suggestion=nearest(key, fields))
        for key in options.keys() - fields.keys()
    ]
    for key, field in fields.items():
        problems += _option_problems(field, options, f"{path}.{key}")
    if problems:
        raise PipelineError(problems)
    named = {"name": name} if any(field.name == "name" for field in attrs.fields(plugin)) else {}
    try:
        return plugin(**named, **options)
    except (TypeError, ValueError) as error:
        text = f"{plugin.__qualname__} cannot be made: {type(error).__name__}: {error}"
        raise PipelineError([Problem(text, path)]) from error


def _option_problems(field: attrs.Attribute[Any], options: Mapping[str, Any], path: str) -> list[Problem]:
    if field.name not in options:
        return [Problem("this option must be given", path)] if field.default is attrs.NOTHING else []
    reader = field.converter
    if callable(reader):
        try:
            reader(options[field.name])
        except (TypeError, ValueError) as error:
            return [Problem(f"expected {error}", path)]
    return []


def nearest(name: str, names: Iterable[str]) -> str:
    """The most similar of the names, or an empty string."""
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), "")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """How a message about an unknown name ends: `; did you mean 'fixed'?`, or not at all."""
    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near else ""
