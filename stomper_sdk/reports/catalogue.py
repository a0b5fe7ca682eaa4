"""What a pipeline can name, for people and for programs: agents, checks, reducers, stages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs

from stomper_sdk.model.present import one_line, plain, visible
from stomper_sdk.reports.layout import columns_of, wrapped

__all__ = ["Plugin", "PluginOption", "catalogue_text", "catalogue_to_dict"]

_ROOM = 30


@attrs.frozen
class PluginOption:
    """An option: the words for what it takes, and, unless it must be given, its default as plain data."""

    name: str
    type: str
    required: bool
    default: Any = None
    meaning: str = ""


@attrs.frozen
class Plugin:
    """One thing to name; `origin` says who brings it, `error` what keeps it from being used.

    `state` says whether what it needs is installed. `facts` are what else is to know, by name: of a
    stage, where it stands and what it needs.
    """

    name: str
    meaning: str
    origin: str
    error: str = ""
    state: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    options: tuple[PluginOption, ...] = ()


def catalogue_text(plugins: Sequence[Plugin], width: int = 80, *, whole: bool = False) -> str:
    """A line for each plug-in, or, as a whole, its facts and options too."""
    if whole:
        return "\n\n".join("\n".join(_whole(plugin, width)) for plugin in plugins)
    column = max((columns_of(visible(plugin.name)) for plugin in plugins), default=0) + 2
    return "\n".join(_entry(visible(plugin.name), _line(plugin), column, width) for plugin in plugins)


def catalogue_to_dict(kind: str, plugins: Iterable[Plugin]) -> dict[str, Any]:
    """The same as a document; `kind` is what they are, in the plural."""
    return {"version": 1, kind: [_document(plugin) for plugin in plugins]}


def _line(plugin: Plugin) -> str:
    said = f"cannot be used: {plugin.error}" if plugin.error else plugin.meaning
    foreign = "" if plugin.origin == "built in" else f" ({visible(plugin.origin)})"
    return one_line(said) + foreign + (f" ({visible(plugin.state)})" if plugin.state else "")


def _whole(plugin: Plugin, width: int) -> Iterator[str]:
    yield visible(plugin.name)
    yield wrapped(f"  {one_line(plugin.meaning)}", width, indent=2) if plugin.meaning else ""
    facts = [("from", plugin.origin), ("state", plugin.state), *plugin.facts, ("error", plugin.error)]
    told = [(visible(name), one_line(text)) for name, text in facts if text]
    column = max(len(name) for name, _ in told) + 4
    yield from (_entry(f"  {name}", text, column, width) for name, text in told)
    yield from _options(plugin.options, width)


def _options(options: Sequence[PluginOption], width: int) -> Iterator[str]:
    if not options:
        return
    yield "  options"
    for option in options:
        default = "must be given" if option.required else f"default {_written(option.default)}"
        kind = one_line(option.type, 120)
        yield wrapped(f"    {visible(option.name)}: {kind}, {default}", width, indent=6)
        if option.meaning:
            yield wrapped(f"      {one_line(option.meaning)}", width, indent=6)


def _written(value: Any) -> str:
    """A value as one writes it in YAML."""
    return one_line(json.dumps(value, ensure_ascii=False), 60)


def _entry(name: str, text: str, column: int, width: int) -> str:
    """A name and a text beside it, or below it where there is no room beside it."""
    if width - column < _ROOM:
        return f"{name}\n{wrapped(f'    {text}', width, indent=4)}"
    padded = name + " " * (column - columns_of(name))
    return wrapped(padded + text, width, indent=column)


def _document(plugin: Plugin) -> dict[str, Any]:
    document: dict[str, Any] = plain(plugin)
    return {
        **document,
        "error": plugin.error or None,
        "state": plugin.state or None,
        "facts": dict(plugin.facts),
    }
