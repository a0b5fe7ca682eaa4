"""Names of plug-ins: built in, registered by a decorator, installed with an entry point, or imported.

The decorators `agent`, `check`, `stage` and `reducer` register by name; a package registers through
entry points of the groups `stomper_sdk.agent`, `stomper_sdk.check` and so on; `package.module:name`
needs no registration at all.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
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
        self._origins: dict[str, tuple[object, object]] = {}
        self._installed: dict[str, tuple[str, ...]] | None = None

    def register(self, name: str, plugin: T, made_of: object = None) -> None:
        """Add a plug-in under a name that nobody has.

        The same definition may be registered again, as a notebook cell does that is run twice.

        Args:
            name: what a pipeline calls it.
            plugin: the plug-in.
            made_of: the function or class that it was made of; None where it is one itself.

        Raises:
            PipelineError: the name is taken by another plug-in.
        """
        origin = _origin(plugin if made_of is None else made_of)
        if name in self._references or self._origins.get(name, origin) != origin:
            raise PipelineError([Problem(f"the {self.kind} {name!r} exists already: choose another name")])
        self._registered[name], self._origins[name] = plugin, origin

    def get(self, name: str, path: str = "") -> T:
        """The plug-in of that name.

        Args:
            name: a name, or `package.module:attribute`.
            path: the dotted path where the name stands, for messages.

        Raises:
            PipelineError: there is none, it cannot be imported, or two packages offer it.
        """
        if name in self._registered:
            return self._registered[name]
        if name in self._references:
            return self._import(self._references[name], path)
        if name in self._entry_points():
            return self._import(self._only(name, path), path)
        if ":" in name:
            return self._import(name, path)
        raise PipelineError(
            [Problem(f"unknown {self.kind} {name!r}", path, suggestion=nearest(name, self.names()))],
            f"There are: {', '.join(self.names())}; your own is named as package.module:name.",
        )

    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted({*self._references, *self._registered, *self._entry_points()}))

    def built_in(self) -> tuple[str, ...]:
        """The names that come with the package, sorted."""
        return tuple(sorted(self._references))

    def each(self) -> Iterator[tuple[str, T | PipelineError]]:
        """Every name with its plug-in, or with what keeps it from being used."""
        for name in self.names():
            try:
                yield name, self.get(name)
            except PipelineError as error:
                yield name, error
            if name in self._references and name in self._entry_points():
                places = ", ".join(self._entry_points()[name])
                text = f"the name of the built-in {self.kind} {name!r} is offered by {places} too"
                yield name, PipelineError([Problem(text)], "Name that one package.module:name.")

    def _entry_points(self) -> Mapping[str, tuple[str, ...]]:
        """What installed packages offer by name; one package's mistake hurts only those who use its name."""
        if self._installed is None:
            places: dict[str, set[str]] = {}
            for point in metadata.entry_points(group=f"stomper_sdk.{self.kind}"):
                places.setdefault(point.name, set()).add(point.value)
            self._installed = {name: tuple(sorted(values)) for name, values in places.items()}
        return self._installed

    def _only(self, name: str, path: str) -> str:
        places = self._entry_points()[name]
        if len(places) > 1:
            text = f"two installed packages offer the {self.kind} {name!r}: {', '.join(places)}"
            raise PipelineError(
                [Problem(text, path)], "Uninstall one of them, or name it package.module:name."
            )
        return places[0]

    def _import(self, reference: str, path: str) -> T:
        module_name, _, attribute = reference.partition(":")
        try:
            with contextlib.chdir("."):  # back to here, wherever the module goes
                module = importlib.import_module(module_name)
        # A plug-in's module is somebody else's code: whatever it raises is that plug-in's failure.
        except (Exception, SystemExit) as error:
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
