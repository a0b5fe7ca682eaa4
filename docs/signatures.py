"""Lets the Python reference show attrs classes with what they are made of, as it shows dataclasses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe


class AttrsSignatures(griffe.Extension):
    """Gives every attrs class the `__init__` that attrs will give it."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        if any(decorator.callable_path.startswith("attrs.") for decorator in cls.decorators):
            init = griffe.Function("__init__", parameters=griffe.Parameters(*_parameters(cls)))
            cls.set_member("__init__", init)


def _parameters(cls: griffe.Class) -> Iterator[griffe.Parameter]:
    yield griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
    for name, field in cls.attributes.items():
        is_field = "instance-attribute" in field.labels and not name.startswith("_")
        if is_field and field.annotation is not None and "ClassVar" not in str(field.annotation):
            default = None if field.value is None else _default(str(field.value))
            yield griffe.Parameter(
                name,
                annotation=field.annotation,
                default=default,
                kind=griffe.ParameterKind.positional_or_keyword,
            )


def _default(value: str) -> str:
    """What is read from a field that is made by a function says little: it has some default."""
    return "..." if "(" in value and value != "()" else value
