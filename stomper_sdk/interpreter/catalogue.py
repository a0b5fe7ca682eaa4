"""What a pipeline can name: every agent, check, reducer and stage, with what it says of itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

import attrs
import trio

from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS
from stomper_sdk.errors import PipelineError
from stomper_sdk.model.present import plain
from stomper_sdk.options import option_fields
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.registry import Registry
from stomper_sdk.reports.catalogue import Plugin, PluginOption
from stomper_sdk.stages.base import STAGES, Stage, define_stage

if TYPE_CHECKING:
    from stomper_sdk.agents.presets.installed import Installed

__all__ = ["Kind", "catalogue", "describe", "with_tools"]

Kind = Literal["agents", "checks", "reducers", "stages"]

_BUILT_IN = "built in"
_REGISTRIES: Mapping[Kind, Registry[Any]] = {
    "agents": AGENTS,
    "checks": CHECKS,
    "reducers": REDUCERS,
    "stages": STAGES,
}
_BLOCKS = (
    Plugin(
        "for_each_file",
        "Do what stands in it for each file, several at a time.",
        _BUILT_IN,
        facts=(("block", "run"), ("needs", "plan"), ("gives", "results")),
    ),
    Plugin(
        "attempt",
        "Do what stands in it again until it holds, as `retry` says.",
        _BUILT_IN,
        facts=(("block", "file"),),
    ),
)
_TYPES = {
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "str": "a string",
    "Sequence[str]": "a list of strings",
}


def catalogue(kind: Kind) -> tuple[Plugin, ...]:
    """Everything of a kind that can be named, sorted, also what is installed and cannot be used."""
    packages = _packages(_REGISTRIES[kind].kind)
    found = (_entry(name, kind, plugin, packages) for name, plugin in _REGISTRIES[kind].each())
    blocks = _BLOCKS if kind == "stages" else ()
    return tuple(sorted((*blocks, *found), key=lambda plugin: plugin.name))


def describe(kind: Kind, name: str) -> tuple[Plugin, ...]:
    """What has a name, or stands at `package.module:name`; two where one keeps the other from being used.

    Raises:
        PipelineError: there is none; with the nearest name.
    """
    found = tuple(plugin for plugin in catalogue(kind) if plugin.name == name)
    return found or (_described(name, kind, _REGISTRIES[kind].get(name), name.partition(":")[0]),)


def with_tools(plugins: Iterable[Plugin]) -> tuple[Plugin, ...]:
    """Agents, with what is installed of that which some need, and how to install the rest."""
    from stomper_sdk import endpoint
    from stomper_sdk.agents.presets.installed import look_for
    from stomper_sdk.agents.presets.table import PRESETS

    told = tuple(plugins)
    if package := endpoint.missing_package():
        state, facts = f"needs the package {package}", (("install", endpoint.INSTALL),)
        told = tuple(attrs.evolve(it, state=state, facts=facts) if it.name == "chat" else it for it in told)
    wanted = [PRESETS[plugin.name] for plugin in told if plugin.name in PRESETS]
    found = {tool.preset.name: tool for tool in trio.run(look_for, wanted)}
    return tuple(_with_tool(plugin, found.get(plugin.name)) for plugin in told)


def _with_tool(plugin: Plugin, tool: Installed | None) -> Plugin:
    if tool is None:
        return plugin
    facts = (("program", tool.path or tool.preset.program), ("install", tool.preset.install))
    return attrs.evolve(plugin, state=tool.said, facts=(*plugin.facts, *facts))


def _entry(name: str, kind: Kind, plugin: Any, packages: Mapping[str, str]) -> Plugin:
    if isinstance(plugin, PipelineError):
        return Plugin(name, "", packages.get(name, ""), str(plugin))
    origin = _BUILT_IN if name in _REGISTRIES[kind].built_in() else packages.get(name, "")
    return _described(
        name, kind, plugin, origin or f"registered by {getattr(plugin, '__module__', 'a module')}"
    )


def _packages(kind: str) -> Mapping[str, str]:
    """The packages that offer a name, as `package 1.0`."""
    found: dict[str, list[str]] = {}
    for point in metadata.entry_points(group=f"stomper_sdk.{kind}"):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        found.setdefault(point.name, []).append(package)
    return {name: ", ".join(sorted(set(packages))) for name, packages in found.items()}


def _described(name: str, kind: Kind, plugin: Any, origin: str) -> Plugin:
    if kind == "stages" and inspect.isfunction(plugin):
        plugin = define_stage(name)(plugin)
    facts = tuple(_facts(plugin)) if kind == "stages" else ()
    said = plugin.run.__doc__ if isinstance(plugin, Stage) else plugin.__doc__
    lines = said.strip().splitlines() if isinstance(said, str) else []
    meaning = lines[0] if lines else ""
    return Plugin(name, meaning, origin, facts=facts, options=tuple(_options(plugin)))


def _facts(plugin: Any) -> Iterator[tuple[str, str]]:
    """Where a stage, or a class of one, may stand, and what it needs."""
    yield "block", getattr(plugin, "block", None) or "any"
    yield "scope", getattr(plugin, "scope", "workspace")
    yield "needs", ", ".join(sorted(getattr(plugin, "needs", ())))
    yield "gives", ", ".join(sorted(getattr(plugin, "gives", ())))


def _options(plugin: Any) -> Iterator[PluginOption]:
    if inspect.isclass(plugin) and attrs.has(plugin):
        for name, field in option_fields(plugin).items():
            required, meaning = field.default is attrs.NOTHING, field.metadata.get("meaning", "")
            yield PluginOption(name, _type(field), required, _default(field.default), meaning)
    elif isinstance(plugin, Stage):
        for name, parameter in inspect.signature(plugin.run).parameters.items():
            if name in plugin.options:
                kind, required = _annotated(parameter.annotation), name in plugin.required
                default = None if required else _default(parameter.default)
                yield PluginOption(name, kind, required, default, _argument(plugin.run.__doc__, name))


def _type(field: attrs.Attribute[Any]) -> str:
    """What an option's reader says that it expects, when it is given what nobody can."""
    reader = field.converter
    if callable(reader):
        try:
            reader(object())
        except ValueError as error:
            return str(error)
        # The reader may be anybody's; then the declared type must do.
        except Exception:
            return _annotated(field.type)
    return _annotated(field.type)


def _argument(documented: str | None, name: str) -> str:
    """What a docstring says of an argument, in the line that begins with its name."""
    found = re.search(rf"^ *{re.escape(name)}: (.+)$", documented or "", re.MULTILINE)
    return found[1] if found else ""


def _annotated(annotation: Any) -> str:
    if annotation in (None, inspect.Parameter.empty):
        return "anything"
    name = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _TYPES.get(name, name)


def _default(value: Any) -> Any:
    """The default as plain data, a duration of whole seconds as a whole number; None for none."""
    if value is attrs.NOTHING:
        return None
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        if value.takes_self:
            return "computed"
        value = value.factory()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return plain(value)
