"""Names of plug-ins: built in, registered by a decorator, installed with an entry point, or imported.

The decorators `agent`, `check`, `stage` and `reducer` register by name; a package registers through
entry points of the groups `stomper_sdk.agent`, `stomper_sdk.check` and so on; `package.module:name`
needs no registration at all.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Generic, TypeVar

from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.options import nearest

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Plug-ins of one kind by name.

    Args:
        kind: what they are, in the singular, as in messages and in the entry points' group.
        builtins: name -> `module:attribute`, imported when the name is first asked for.
    """

    def __init__(self, kind: str, builtins: Mapping[str, str]) -> None:
        self.kind = kind
        self._references = dict(builtins)
        self._registered: dict[str, T] = {}
        self._installed: dict[str, metadata.EntryPoint] | None = None

    def register(self, name: str, plugin: T) -> None:
        """Add a plug-in under a name that nobody has.

        The same definition may be registered again, as a notebook cell does that is run twice.

        Raises:
            PipelineError: the name is taken by another plug-in.
        """
        known = self._registered.get(name)
        if name in self._references or (known is not None and _origin(known) != _origin(plugin)):
            raise PipelineError([Problem(f"the {self.kind} {name!r} exists already: choose another name")])
        self._registered[name] = plugin

    def get(self, name: str, path: str = "") -> T:
        """The plug-in of that name.

        Args:
            name: a name, or `package.module:attribute`.
            path: the dotted path where the name stands, for messages.

        Raises:
            PipelineError: there is none, or it cannot be imported.
        """
        if name in self._registered:
            return self._registered[name]
        if name in self._references:
            return self._import(self._references[name], path)
        if name in self._entry_points():
            return self._import(self._entry_points()[name].value, path)
        if ":" in name:
            return self._import(name, path)
        raise PipelineError(
            [Problem(f"unknown {self.kind} {name!r}", path, suggestion=nearest(name, self.names()))],
            f"There are: {', '.join(self.names())}; your own is named as package.module:name.",
        )

    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted({*self._references, *self._registered, *self._entry_points()}))

    def _entry_points(self) -> Mapping[str, metadata.EntryPoint]:
        if self._installed is None:
            found = metadata.entry_points(group=f"stomper_sdk.{self.kind}")
            self._refuse_twins(found)
            self._installed = {point.name: point for point in found}
        return self._installed

    def _refuse_twins(self, found: Iterable[metadata.EntryPoint]) -> None:
        values: dict[str, set[str]] = {}
        for point in found:
            values.setdefault(point.name, set()).add(point.value)
        for name, places in values.items():
            if len(places) > 1 or name in self._references:
                text = f"two installed packages offer the {self.kind} {name!r}: {', '.join(sorted(places))}"
                raise PipelineError([Problem(text)], "Uninstall one of them, or name it package.module:name.")

    def _import(self, reference: str, path: str) -> T:
        module_name, _, attribute = reference.partition(":")
        try:
            module = importlib.import_module(module_name)
        # A plug-in's module is somebody else's code: whatever it raises is that plug-in's failure.
        except Exception as error:
            text = f"the {self.kind} {reference!r} cannot be imported: {type(error).__name__}: {error}"
            raise PipelineError([Problem(text, path)]) from error
        plugin: Any = getattr(module, attribute, None)
        if plugin is None:
            near = nearest(attribute, vars(module))
            text = f"{module_name} has no {attribute!r}, named as {self.kind}"
            raise PipelineError([Problem(text, path, suggestion=near)])
        return plugin  # type: ignore[no-any-return]


def _origin(plugin: object) -> tuple[object, object]:
    return getattr(plugin, "__module__", None), getattr(plugin, "__qualname__", id(plugin))
