"""The schema, the model and the shipped pipelines say the same."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import jsonschema
import pytest
import yaml

from stomper_sdk.config import builtin_pipelines, load_pipeline, load_schema, parse_duration
from stomper_sdk.config.available import NOT_YET
from stomper_sdk.model.pipeline import Pipeline, ReducerSpec
from stomper_sdk.options import size

SCHEMA = load_schema()
BY_NAME = {"checks", "agents", "reducers", "stages"}


def sections(
    model: type[Any] = Pipeline, schema: Mapping[str, Any] = SCHEMA, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], type[Any], Mapping[str, Any]]]:
    """Every section of the language: its path, its class, its schema."""
    yield path, model, schema
    for name, hint in get_type_hints(model).items():
        if attrs.has(hint):
            yield from sections(hint, schema["properties"][name], (*path, name))


SECTIONS = [pytest.param(*item, id=".".join(item[0]) or "top") for item in sections()]


def as_model(value: object, default: object) -> object:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str) and isinstance(default, float):
        return parse_duration(value)
    if isinstance(value, str) and isinstance(default, int):
        return size(value)
    return value


@pytest.mark.parametrize(("path", "model", "schema"), SECTIONS)
def test_model_and_schema_have_the_same_keys(
    path: tuple[str, ...], model: type[Any], schema: Mapping[str, Any]
) -> None:
    internal = set() if path else {"origin", "places", "secrets"}
    textual = set() if path else {"extends"}
    fields = {field.name for field in attrs.fields(model)}
    assert fields - internal == schema["properties"].keys() - textual


@pytest.mark.parametrize(("path", "model", "schema"), SECTIONS)
def test_model_and_schema_have_the_same_defaults(
    path: tuple[str, ...], model: type[Any], schema: Mapping[str, Any]
) -> None:
    for field in attrs.fields(model):
        key = schema["properties"].get(field.name)
        if key is None or field.name in BY_NAME | {"name", "version"} or attrs.has(type(field.default)):
            continue
        assert "default" in key, (*path, field.name)
        default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
        assert as_model(key["default"], default) == default, (*path, field.name)


@pytest.mark.parametrize(("path", "model", "schema"), SECTIONS)
def test_model_and_schema_know_the_same_words(
    path: tuple[str, ...], model: type[Any], schema: Mapping[str, Any]
) -> None:
    for name, hint in get_type_hints(model).items():
        if get_origin(hint) is Literal:
            later = [refused for where, refused, _ in NOT_YET if where == (*path, name)]
            words = schema["properties"][name]["enum"]
            assert set(get_args(hint)) == {w for w in words if not any(no(w) for no in later)}


def test_the_default_of_where_is_the_models() -> None:
    where = SCHEMA["$defs"]["reducer"]["properties"]["where"]
    assert where["default"] == attrs.fields(ReducerSpec).where.default


def properties(schema: object, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, Mapping):
        for name, key in schema.get("properties", {}).items():
            yield f"{path}.{name}", key
        for name, child in schema.items():
            yield from properties(child, f"{path}.{name}")


def test_every_key_has_a_description() -> None:
    assert len(list(properties(SCHEMA))) > 90
    assert [path for path, key in properties(SCHEMA) if not key.get("description")] == []


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", builtin_pipelines())
def test_editors_accept_the_shipped_pipelines_as_they_stand(name: str) -> None:
    path = load_pipeline(name, environ={"STOMPER_AGENT_COMMAND": "x"}).origin
    text = Path(path).read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../schema/pipeline.schema.json\n")
    data = yaml.safe_load(text.replace("\n  on:", "\n  'on':"))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert data["name"] == name


def test_the_shipped_variants_differ_from_default_where_they_say() -> None:
    default = load_pipeline("default")
    ruff, strict, branch = (load_pipeline(name) for name in ("ruff", "strict", "branch"))
    assert default.agents[0].options == {"unsafe_fixes": True}
    assert ruff.agents[0].options == {"unsafe_fixes": False}
    assert (strict.test_validation.mode, strict.accept) == ("full", "all")
    assert branch.apply.target == "branch"
    assert [p.stages == default.stages for p in (ruff, strict, branch)] == [True] * 3


def test_what_default_spells_out_is_the_default() -> None:
    default = load_pipeline("default")
    bare = load_pipeline({"version": 1, "stages": ["initialize"]})
    shared = {"name", "description", "origin", "places", "files", *BY_NAME}
    for field in attrs.fields(Pipeline):
        if field.name not in shared:
            assert getattr(default, field.name) == getattr(bare, field.name), field.name
