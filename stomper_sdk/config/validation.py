"""What the JSON Schema finds wrong, in plain words.

The schema is the only list of keys and types; here each kind of mistake gets its sentence. A schema
that needs words of its own has them under `errorMessage`, which editors show too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, cast

import attrs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from stomper_sdk.config.document import Node, Trail, dotted, problem_at, quoted, shown
from stomper_sdk.config.sources import shipped_dir
from stomper_sdk.errors import Problem
from stomper_sdk.options import nearest

__all__ = ["Document", "load_schema", "schema_problems"]

Document = Literal["pipeline", "result", "experiment", "experiment-result"]

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}


@cache
def load_schema(document: Document = "pipeline") -> Mapping[str, Any]:
    """The shipped JSON Schema of what is read, or of the documents that runs and experiments print."""
    path = shipped_dir("schema") / f"{document}.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


@cache
def _validator(document: Document) -> Draft202012Validator:
    return Draft202012Validator(load_schema(document))


@attrs.frozen
class _Refusal:
    """One error of the schema: which rule of it, what the rule wants, and what there is instead."""

    rule: str
    wanted: Any
    got: Any
    schema: Mapping[str, Any]
    trail: Trail
    node: Node


def schema_problems(root: Node, document: Document = "pipeline") -> Iterator[Problem]:
    """Everything that the schema refuses; a wrong type comes before what follows from it."""
    errors = list(_validator(document).iter_errors(root.plain()))
    crowded = {tuple(error.absolute_path) for error in errors if error.validator == "maxProperties"}
    for error in sorted(errors, key=lambda error: error.validator != "type"):
        refusal = _refusal(root, error)
        if not any(refusal.trail[:end] in crowded for end in range(len(refusal.trail))):
            yield from _explained(refusal)


def _refusal(root: Node, error: ValidationError) -> _Refusal:
    trail = tuple(error.absolute_path)
    schema = cast(Mapping[str, Any], error.schema)
    node = root.at(*trail) or root
    return _Refusal(str(error.validator), error.validator_value, error.instance, schema, trail, node)


def _explained(refusal: _Refusal) -> Iterator[Problem]:
    node, trail = refusal.node, refusal.trail
    if refusal.rule == "additionalProperties":
        yield from _unknown_keys(node, trail, refusal.schema)
    elif refusal.rule == "required":
        yield from _missing_keys(node, trail, refusal.wanted)
    elif isinstance(node.value, dict) and isinstance(refusal.got, str):
        yield _bad_name(node, trail, refusal)
    else:
        message = f"expected {_expected(refusal)}, got {_got(refusal)}"
        yield problem_at(node, trail, message, _suggestion(refusal))


def _unknown_keys(node: Node, trail: Trail, schema: Mapping[str, Any]) -> Iterator[Problem]:
    known = schema.get("properties", {})
    names = f"expected one of {', '.join(known)}" if known else f"{dotted(trail)} has no options"
    for key, child in node.items():
        if key not in known:
            message = f"unknown key {quoted(str(key))}; {names}"
            suggestion = nearest(str(key), known)
            yield problem_at(child, (*trail, key), message, suggestion, key=True)


def _missing_keys(node: Node, trail: Trail, required: list[str]) -> Iterator[Problem]:
    for key in required:
        if node.at(key) is None:
            yield problem_at(node, (*trail, key), f"the key {key!r} is required and missing")


def _bad_name(node: Node, trail: Trail, refusal: _Refusal) -> Problem:
    """A key that `propertyNames` refuses; what the schema got is the key."""
    child = node.at(refusal.got) or node
    message = f"expected {_expected(refusal)}, got {quoted(refusal.got)}"
    return problem_at(child, (*trail, refusal.got), message, key=True)


def _expected(refusal: _Refusal) -> str:
    if "errorMessage" in refusal.schema:
        return str(refusal.schema["errorMessage"]).removeprefix("expected ")
    match refusal.rule:
        case "enum":
            return f"one of {', '.join(_word(value) for value in refusal.wanted)}"
        case "const":
            return _word(refusal.wanted)
        case "minItems":
            return "a list with at least one entry"
        case "minLength":
            return "text that is not empty"
        case "uniqueItems":
            return "a list without repetitions"
    return _typed(refusal.schema)


def _typed(schema: Mapping[str, Any]) -> str:
    """The types of a schema and the range of its numbers."""
    types = schema["type"]
    kinds = [types] if isinstance(types, str) else types
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return " or ".join(_KINDS[kind] for kind in kinds)
    numbers = " or ".join(_KINDS[kind] for kind in kinds if kind != "null")
    words = f"{numbers} of at least {low}" if high is None else f"{numbers} from {low} to {high}"
    return f"{words}, or null" if "null" in kinds else words


def _got(refusal: _Refusal) -> str:
    if refusal.rule == "maxProperties":
        return f"{len(refusal.got)} keys: {', '.join(quoted(key) for key in refusal.got)}"
    return "repetitions" if refusal.rule == "uniqueItems" else shown(refusal.node)


def _suggestion(refusal: _Refusal) -> str:
    if refusal.rule != "enum" or refusal.node.secret or not isinstance(refusal.got, str):
        return ""
    return nearest(refusal.got, [str(value) for value in refusal.wanted])


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
