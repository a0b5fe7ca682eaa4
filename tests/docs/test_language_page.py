"""docs/pipeline.md names every key, option, word and default of the language, and none that there is not."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest
import yaml

from stomper_sdk import arguments
from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.config import builtin_pipelines, load_schema, parse_duration
from stomper_sdk.errors import StomperError
from stomper_sdk.model.result import OUTCOMES, AttemptOutcome, RunStatus
from stomper_sdk.options import option_fields
from stomper_sdk.reducers import FIELDS, REDUCERS
from stomper_sdk.registry import Registry
from stomper_sdk.stages.base import STAGES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pipeline.md").read_text()
LATER = PAGE.partition("\n## Not available yet\n")[2]
SCHEMA = load_schema()
Row = list[str]


def table(first: str) -> list[Row]:
    """The rows of all tables whose first column is headed so; code is left as it is."""
    rows: list[Row] = []
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("|") else []
        inside = bool(cells) and (inside or cells[0].strip() == first)
        if inside and cells[0] != first and not cells[0].startswith("---"):
            rows.append(cells)
    return rows


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


TOLD = set(code(re.sub(r"^```.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)))


def built_in(registry: Registry[Any]) -> list[str]:
    """The names that come with the package; other tests may have registered more."""
    return sorted(registry._references)


def value(cell: str) -> object:
    """The default that a cell tells; `required`, `none` and the like are words without a value."""
    return yaml.safe_load(code(cell)[0]) if code(cell) else None


def keys(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The keys of the language by dotted path; a section is no key, what is below it is."""
    for name, key in schema.get("properties", {}).items():
        here = f"{path}.{name}".lstrip(".")
        below = dict(keys(key, here))
        if not below or "default" in key or (not path and name in ("checks", "agents", "reducers")):
            yield here, key
        yield from below.items()
        named = key.get("additionalProperties")
        if isinstance(named, dict) and "$ref" in named:
            yield from keys(SCHEMA["$defs"][named["$ref"].rpartition("/")[2]], f"{here}.NAME")


KEYS = dict(keys(SCHEMA))
ROWS = {code(row[0])[0]: row for row in table("key") if len(row) == 4}


def is_option(path: str) -> bool:
    """Options of checks and agents are told by the plug-ins that have them."""
    return path.startswith(("checks.NAME.", "agents.NAME.")) and not path.endswith(".use")


def test_every_key_is_told_and_no_other() -> None:
    assert len(KEYS) > 80
    assert {path for path in KEYS if not is_option(path)} == ROWS.keys()


@pytest.mark.parametrize("path", sorted(path for path in KEYS if not is_option(path)))
def test_defaults_and_words_are_those_of_the_schema(path: str) -> None:
    _, kind, default, meaning = ROWS[path]
    key = KEYS[path]
    if "default" in key:
        assert value(default) == key["default"]
    else:
        assert not code(default)
    items = key.get("items")
    words = [*key.get("enum", ()), *(items.get("enum", ()) if isinstance(items, dict) else ())]
    assert {str(word) for word in words} <= {*code(kind), *code(meaning), *code(LATER)}


@pytest.mark.parametrize("path", sorted(filter(is_option, KEYS)))
def test_every_option_of_the_schema_is_told(path: str) -> None:
    kind, _, name = path.split(".")
    told = {code(row[1])[0] for row in table(kind.removesuffix("s"))}
    assert name in told or f"`{name}`" in LATER


@pytest.mark.parametrize("registry", [CHECKS, AGENTS], ids=lambda registry: registry.kind)
def test_every_option_of_every_plugin_is_told_with_its_default(registry: Registry[Any]) -> None:
    told: dict[tuple[str, str], str] = {}
    for names, options, default, _ in table(registry.kind):
        for kind in code(names) or built_in(registry):
            told[kind, code(options)[0]] = default
    there = {
        (kind, name): field
        for kind in built_in(registry)
        for name, field in option_fields(registry.get(kind)).items()
    }
    assert told.keys() == there.keys()
    for place, field in there.items():
        assert same(told[place], field.default), place


def same(cell: str, default: Any) -> bool:
    if default is attrs.NOTHING:
        return cell == "required"
    default = default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]
    told = value(cell)
    if isinstance(default, float):
        return isinstance(told, str | int | float) and parse_duration(told) == default
    return told == (list(default) if isinstance(default, tuple) else default)


def test_every_stage_stands_where_it_stands() -> None:
    places = {"run": "top", "file": "`for_each_file`", "attempt": "`attempt`"}
    rows = {code(row[0])[0]: row[1] for row in table("stage")}
    blocks = {"for_each_file": "top, once", "attempt": "`for_each_file`"}
    assert rows == {**{name: places[STAGES.get(name).block or ""] for name in built_in(STAGES)}, **blocks}


def test_every_name_is_told() -> None:
    reducers = " ".join(ROWS["reducers.NAME.reduce"] + ROWS["reducers.NAME.from"])
    assert {*built_in(REDUCERS), *FIELDS} <= set(code(reducers))
    assert [code(row[0])[0] for row in table("outcome of a file")] == list(OUTCOMES)
    assert {*get_args(AttemptOutcome), *get_args(RunStatus), *builtin_pipelines()} <= TOLD


def test_every_key_of_the_result_is_told() -> None:
    schema = json.loads((ROOT / "schema" / "result.schema.json").read_text())
    parts = [schema, *(schema["$defs"][name] for name in ("file", "attempt", "finding"))]
    assert [code(row[-1]) for row in table("where")] == [list(part["properties"]) for part in parts]
    codes = [int(row[0]) for row in table("exit code")]
    assert codes == schema["properties"]["exit_code"]["enum"]


def test_every_command_and_option_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    commands = {words.split()[1] for row in table("command") for words in code(row[0])}
    for command in ("run", "plan", "validate", "demo", "clean"):
        with pytest.raises(SystemExit):
            arguments.parse([command, "--help"], argparse.Namespace(command=""))
        options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out)) - {"--help", "-h"}
        assert options <= {word for text in TOLD for word in text.split()}
    assert commands == {"run", "plan", "validate", "demo", "clean"}


@pytest.mark.parametrize("word", code(LATER.rpartition("the commands")[2]))
def test_what_is_not_available_is_refused(word: str) -> None:
    with pytest.raises(StomperError, match="not available yet"):
        arguments.parse([word], argparse.Namespace(command=""))
