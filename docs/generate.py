"""Fills in the parts of the reference that follow from the code: `python docs/generate.py`.

A page marks such a part by two comments, `<!-- generated: WHAT -->` and `<!-- end -->`. What stands between
them is made of the schemas, the plug-ins and the command line; everything else is written by hand.
"""

from __future__ import annotations

import inspect
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import yaml

from stomper_sdk.agents.base import AGENTS
from stomper_sdk.agents.presets.table import PRESETS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.commands.parser import Parser, full_parser
from stomper_sdk.commands.settings import NEVER_IN_PROJECT, Option
from stomper_sdk.config import load_schema
from stomper_sdk.config.available import NOT_YET
from stomper_sdk.config.validation import Document
from stomper_sdk.options import option_fields
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.registry import Registry
from stomper_sdk.stages.base import STAGES

DOCS = Path(__file__).parent
REGION = re.compile(r"(<!-- generated: ([\w-]+) ?(\S*) -->\n).*?(<!-- end -->)", re.DOTALL)
SCHEMA: Mapping[str, Any] = load_schema()
NAMED = {
    "globs": "globs",
    "duration": "duration",
    "size": "size",
    "command": "command",
    "codes": "list of text",
    "strings": "list of text",
    "exit_codes": "whole numbers",
    "block": "list of stages",
    "count": "whole number from 0",
    "seconds": "number from 0",
    "number": "number from 0",
    "told": "number from 0 or null",
    "names": "list of text",
    "overrides": "mapping of dotted paths",
    "interval": "mapping",
    "row_or_null": "mapping or null",
}
TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
}

Row = tuple[str, ...]


def table(*rows: Row) -> str:
    """A Markdown table; the first row is its head."""
    head, *body = ("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows)
    return "\n".join([head, "| --- " * len(rows[0]) + "|", *body])


def code(text: object) -> str:
    return f"`{text}`"


def shown(value: object) -> str:
    """A value as one writes it in a pipeline."""
    if isinstance(value, list):
        return f"[{', '.join(shown(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(item)}' for key, item in value.items())}}}"
    plain = isinstance(value, str) and re.fullmatch(r"[\w.{}/-]+", value)
    return str(value) if plain else json.dumps(value)


# The language


def keys(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The keys below a part of the schema, by dotted path; a section is no key, what is below it is."""
    for name, key in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        below = list(keys(key, here))
        if not below or "default" in key:
            yield here, key
        yield from below


def is_refused(path: str, word: object) -> bool:
    places = (tuple(path.split(".")), (*path.split(".")[:-1], "*"))
    return next((refused(word) for pattern, refused, _ in NOT_YET if pattern in places), False)


def kind(key: Mapping[str, Any], path: str = "") -> str:
    """What may be given for a key, in words; words that this version refuses are left out."""
    if "const" in key:
        return code(key["const"])
    if "enum" in key:
        return ", ".join(code(word) for word in key["enum"] if not is_refused(path, word))
    if "$ref" in key:
        return NAMED[key["$ref"].rpartition("/")[2]]
    if "errorMessage" in key and "one of" in key["errorMessage"]:
        return ", ".join(code(word) for word in key["errorMessage"].partition("one of ")[2].split(", "))
    types = key["type"] if isinstance(key["type"], list) else [key["type"]]
    if "string" in types and "array" in types:
        types = ["command", *(name for name in types if name == "null")]
    return " or ".join(type_in_words(name, key) for name in types)


def type_in_words(name: str, key: Mapping[str, Any]) -> str:
    if name == "array":
        items = key["items"]
        return f"list of {kind(items)}" if "enum" in items or "type" in items else "list"
    if name == "object":
        return "mapping by name"
    if name in ("integer", "number") and "minimum" in key:
        top = f" to {key['maximum']}" if "maximum" in key else ""
        return f"{TYPES[name]} from {key['minimum']}{top}"
    return TYPES.get(name, name)


def is_reserved(key: Mapping[str, Any]) -> bool:
    return "Not available yet" in key["description"]


def key_table(section: str) -> str:
    """The keys of one section; of the top, those that are no section."""
    required = SCHEMA["else"]["required"]
    if section == "top":
        found = [(name, key) for name, key in SCHEMA["properties"].items() if "properties" not in key]
    elif section in ("checks", "agents", "reducers"):
        named = SCHEMA["$defs"][section.removesuffix("s")]
        required = [f"{section}.NAME.{name}" for name in named.get("required", ())]
        found = list(keys(named, f"{section}.NAME"))
        found = found if section == "reducers" else found[:1]
    else:
        found = [pair for pair in keys(SCHEMA["properties"][section], section) if not is_reserved(pair[1])]
    rows = (
        (code(path), kind(key, path), default_of(key, path in required), key["description"])
        for path, key in found
    )
    return table(("key", "type", "default", "meaning"), *rows)


def default_of(key: Mapping[str, Any], required: bool) -> str:
    return code(shown(key["default"])) if "default" in key else "required" if required else ""


def experiment_table(_: str) -> str:
    """The keys of an experiment."""
    schema = load_schema("experiment")
    rows = (
        (code(name), kind(key, name), default_of(key, name in schema["required"]), key["description"])
        for name, key in schema["properties"].items()
    )
    return table(("key", "type", "default", "meaning"), *rows)


# Plug-ins


def plugin_list(registry: Registry[Any]) -> Callable[[str], str]:
    return lambda _: "\n\n".join(plugins(registry))


def plugins(registry: Registry[Any]) -> Iterator[str]:
    """A part for the options that all plug-ins of a kind share, and one for each plug-in."""
    options = {name: option_fields(registry.get(name)) for name in registry.built_in()}
    common = [
        field
        for name, field in next(iter(options.values())).items()
        if all(name in one and said(one[name]) == said(field) for one in options.values())
    ]
    if common:
        yield f"### Every {registry.kind}\n\n{option_table(common)}"
    for name, fields in options.items():
        own = [field for field in fields.values() if field.name not in {one.name for one in common}]
        yield "\n\n".join(filter(None, (f"### {name}", meaning(registry.get(name)), option_table(own))))


def said(field: attrs.Attribute[Any]) -> tuple[str, str]:
    return option_default(field), field.metadata.get("meaning", "")


def option_table(fields: Iterable[attrs.Attribute[Any]]) -> str:
    rows = [(code(field.name), *said(field)) for field in fields]
    return table(("option", "default", "meaning"), *rows) if rows else ""


def option_default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    value = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
    if isinstance(value, float):
        return code(f"{value / 60:g}m" if value % 60 == 0 else f"{value:g}s")
    return code(shown(list(value) if isinstance(value, tuple) else value))


def stage_table(_: str) -> str:
    """Every stage and block in the order in which the schema has them, which is that of a run."""
    places = {"run": "the top", "file": "`for_each_file`", "attempt": "`attempt`"}
    blocks = {"for_each_file": "the top", "attempt": "`for_each_file`"}
    rows = (
        (code(name), blocks.get(name) or places[STAGES.get(name).block or ""], key["description"])
        for name, key in SCHEMA["$defs"]["stage"]["properties"].items()
    )
    return table(("stage", "stands in", "what it does"), *rows)


def reducer_table(_: str) -> str:
    rows = (
        (code(name), meaning(REDUCERS.get(name)), code(shown(REDUCERS.get(name)([]))))
        for name in REDUCERS.built_in()
    )
    return table(("reducer", "what it returns", "of no files"), *rows)


def meaning(plugin: Any) -> str:
    """The first paragraph of what is said of a plug-in, in one line."""
    return " ".join((inspect.getdoc(plugin) or "").partition("\n\n")[0].split())


# Results


def result_table(part: str, document: Document = "result") -> str:
    schema = load_schema(document)
    properties = schema["$defs"][part]["properties"] if part in schema["$defs"] else schema["properties"]
    rows = ((code(name), kind_of_result(key), key["description"]) for name, key in properties.items())
    return table(("key", "type", "meaning"), *rows)


def kind_of_result(key: Mapping[str, Any]) -> str:
    if key.get("items"):
        return "list" if "$ref" in key["items"] else f"list of {kind(key['items'])}"
    return "mapping" if key.get("type") == "object" else kind(key)


# The command line


def commands(_: str) -> str:
    return "\n\n".join(part for parser in parsers(full_parser()) for part in command(parser))


def parsers(parser: Parser) -> Iterator[Parser]:
    """Every command, each before those below it."""
    for child in parser.below.values():
        yield child
        yield from parsers(child)


def command(parser: Parser) -> Iterator[str]:
    yield f"### {parser.prog}"
    yield sentence(parser.description or "")
    rows = [(syntax(option), option.action.help or "") for option in parser.options]
    if rows:
        yield table(("argument", "meaning"), *rows)


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def syntax(option: Option) -> str:
    value = "" if option.action.nargs == 0 else str(option.action.metavar or option.dest.upper())
    value += " …" if option.action.nargs in ("+", "*") else ""
    return ", ".join(code(f"{flag} {value}".strip()) for flag in option.flags) or code(value)


def variables(_: str) -> str:
    """Every option of every command, where else it can stand, and the commands that have it."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for parser in parsers(full_parser()):
        for option in parser.options:
            keys = [name for name in option.names if name not in NEVER_IN_PROJECT]
            names = ", ".join(map(code, option.variables)), ", ".join(map(code, keys))
            found[names].append(parser.prog.removeprefix("stomper-sdk "))
    every = max(map(len, found.values()))
    rows = ((*names, "all" if len(where) == every else ", ".join(where)) for names, where in found.items())
    return table(("variable", "in `pyproject.toml`", "commands"), *rows)


# The GitHub action


def action_table(part: str) -> str:
    action = yaml.safe_load((DOCS.parent / "action.yml").read_text())
    rows = ((code(name), entry["description"]) for name, entry in action[part].items())
    return table((part.removesuffix("s"), "meaning"), *rows)


def preset_table(_: str) -> str:
    """The coding-agent tools, as their presets know them."""
    rows = (
        (
            code(preset.name),
            f"{preset.title}, {code(preset.program)}",
            code(preset.install) if " " in preset.install else preset.install,
            ", ".join(code(key) for key in preset.keys),
            "no" if preset.with_base_url is None else "yes",
        )
        for preset in PRESETS.values()
    )
    return table(("`use`", "tool, program", "install it", "keys that it is given", "`base_url`"), *rows)


REGIONS: Mapping[str, Callable[[str], str]] = {
    "keys": key_table,
    "checks": plugin_list(CHECKS),
    "agents": plugin_list(AGENTS),
    "presets": preset_table,
    "stages": stage_table,
    "result": result_table,
    "experiment": experiment_table,
    "experiment-result": partial(result_table, document="experiment-result"),
    "reducers": reducer_table,
    "commands": commands,
    "variables": variables,
    "action": action_table,
}


def filled(page: str) -> str:
    """The text of a page with its generated parts made anew."""
    return REGION.sub(lambda match: f"{match[1]}\n{REGIONS[match[2]](match[3])}\n\n{match[4]}", page)


def main() -> None:
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        page.write_text(filled(text), encoding="utf-8")


if __name__ == "__main__":
    main()
