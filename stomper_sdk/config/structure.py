"""A mapping that was found right -> `Pipeline`, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs

from stomper_sdk.config.document import Node
from stomper_sdk.config.durations import parse_duration
from stomper_sdk.config.environment import escaped
from stomper_sdk.config.rules import BLOCKS
from stomper_sdk.model.pipeline import AgentSpec, CheckSpec, Pipeline, ReducerSpec, StageSpec, WhenSpec
from stomper_sdk.model.price import Price
from stomper_sdk.options import size

__all__ = ["structure", "unstructure"]

T = TypeVar("T")
_BY_NAME = ("stages", "checks", "agents", "reducers")


def structure(root: Node, extra_agents: Collection[str]) -> Pipeline:
    """The pipeline of a root without problems.

    `call_agent` without `use` is given every agent that no other one asks, in the order in which they are
    declared.
    """
    data = root.plain()
    agents = tuple(_agent(name, options) for name, options in data.get("agents", {}).items())
    callable_agents = [agent.name for agent in agents]
    callable_agents += [name for name in extra_agents if name not in callable_agents]
    asked = [agent.options.get("agent") for agent in agents if agent.use == "replay"]
    callable_agents = [name for name in callable_agents if name not in asked] or callable_agents
    sections = {key: value for key, value in data.items() if key not in _BY_NAME}
    pipeline: Pipeline = _section(Pipeline, {**sections, "stages": []})
    return attrs.evolve(
        pipeline,
        stages=_stages(root.at("stages"), callable_agents),
        agents=agents,
        checks=tuple(_plugin(CheckSpec, name, options) for name, options in data.get("checks", {}).items()),
        reducers=tuple(_reducer(name, fold) for name, fold in data.get("reducers", {}).items()),
    )


def unstructure(pipeline: Pipeline) -> dict[str, Any]:
    """The mapping of a pipeline, its text written so that no `${` is replaced again."""
    sections = attrs.asdict(
        pipeline,
        recurse=True,
        filter=lambda field, _: field.name not in (*_BY_NAME, "origin", "places", "secrets"),
    )
    data = {
        **sections,
        "checks": {check.name: {"use": check.use, **check.options} for check in pipeline.checks},
        "agents": {
            agent.name: {
                "use": agent.use,
                "when": attrs.asdict(agent.when),
                **_price_item(agent.price),
                **agent.options,
            }
            for agent in pipeline.agents
        },
        "stages": [_stage_item(stage) for stage in pipeline.stages],
        "reducers": {
            fold.name: {"reduce": fold.reduce, "from": fold.source, "where": fold.where}
            for fold in pipeline.reducers
        },
    }
    if isinstance(pipeline.guard.scope, tuple):
        data["guard"]["scope"] = {"files": pipeline.guard.scope}
    return cast(dict[str, Any], _written(data))


def _price_item(price: Price | str | None) -> dict[str, Any]:
    told = price if isinstance(price, str) else price and attrs.asdict(price)
    return {} if told is None else {"price": told}


def _stage_item(stage: StageSpec) -> dict[str, Any]:
    if stage.name in BLOCKS:
        return {stage.name: [_stage_item(child) for child in stage.children]}
    return {stage.name: stage.options}


def _written(value: object) -> object:
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, Mapping):
        return {key: _written(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_written(child) for child in value]
    return value


def _stages(block: Node | None, agents: list[str]) -> tuple[StageSpec, ...]:
    items = [item for _, item in block.items()] if block else []
    return tuple(_stage(item, agents) for item in items)


def _stage(item: Node, agents: list[str]) -> StageSpec:
    where = str(item.place)
    name, options = next(iter(item.items()), (str(item.value), None))
    if name in BLOCKS:
        return StageSpec(str(name), children=_stages(options, agents), where=where)
    plain = (options.plain() if options else None) or {}
    if name == "call_agent":
        use = plain.get("use", agents)
        plain["use"] = [use] if isinstance(use, str) else list(use)
    return StageSpec(str(name), plain, where=where)


def _agent(name: str, options: Mapping[str, Any]) -> AgentSpec:
    own = {key: value for key, value in options.items() if key not in ("when", "price")}
    when = _section(WhenSpec, options.get("when", {}))
    return attrs.evolve(_plugin(AgentSpec, name, own), when=when, price=_price(options.get("price")))


def _price(given: Any) -> Any:
    if given == 0:
        return Price(0, 0)
    return _section(Price, given) if isinstance(given, dict) else given


def _plugin(kind: type[T], name: str, options: Mapping[str, Any]) -> T:
    own = {key: value for key, value in options.items() if key != "use"}
    return kind(name, options["use"], own)  # type: ignore[call-arg]


def _reducer(name: str, fold: Mapping[str, Any]) -> ReducerSpec:
    given = {"where": fold["where"]} if "where" in fold else {}
    return ReducerSpec(name, fold["reduce"], fold["from"], **given)


def _section(section: type[Any], data: Mapping[str, Any]) -> Any:
    """An attrs class from the keys that are given; the class has the defaults of the others."""
    hints = get_type_hints(section)
    return section(**{key: _value(hints[key], value) for key, value in data.items()})


def _value(hint: Any, value: Any) -> Any:
    if attrs.has(hint):
        return _section(hint, value)
    if isinstance(value, dict) and get_origin(hint) is Mapping:
        return {key: _value(get_args(hint)[1], item) for key, item in value.items()}
    if isinstance(value, dict):  # guard.scope: {files: [...]}
        return tuple(value["files"])
    if isinstance(value, list):
        return tuple(value)
    kinds = (hint, *get_args(hint))
    if float in kinds and value is not None:
        return parse_duration(value)
    if int in kinds and isinstance(value, str):
        return size(value)
    return int(value) if int in kinds and isinstance(value, float) else value
