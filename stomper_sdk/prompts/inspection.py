"""What a template reaches, and the mistakes that its text alone shows."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from stomper_sdk.errors import Problem
from stomper_sdk.options import nearest
from stomper_sdk.prompts.environment import BUILT_IN
from stomper_sdk.prompts.values import VARIABLES

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

__all__ = ["Reached", "named_by", "problems_in", "reached_from"]


@attrs.frozen
class Part:
    """One file: its syntax tree, the variables that it does not set itself, and what it extends."""

    name: str
    file: str
    tree: nodes.Template = attrs.field(repr=False)
    unset: frozenset[str] = frozenset()
    parent: str | None = None

    @property
    def own(self) -> bool:
        return not self.file.startswith(str(BUILT_IN))


@attrs.frozen
class Reached:
    """The files that a template is made of; `unknown` where it names one that is told only when it runs."""

    environment: jinja2.Environment
    parts: tuple[Part, ...]
    unknown: bool = False


def reached_from(environment: jinja2.Environment, name: str, level: str) -> Reached:
    """Follow what a template extends, includes and imports.

    Args:
        environment: loads the files.
        name: of the first file.
        level: for a name that is made of it, as `{% extends "default/" ~ level ~ ".md.j2" %}`.

    Raises:
        TemplateError: a file is missing, or no template.
    """
    parts: dict[str, Part] = {}
    pending, unknown = [name], False
    while pending:
        here = pending.pop(0)
        if here in parts:
            continue
        parts[here] = _part(environment, here, level)
        others = list(_referenced(environment, parts[here].tree, level))
        unknown = unknown or None in others
        pending += [other for other in others if other]
    return Reached(environment, tuple(parts.values()), unknown)


def named_by(reached: Reached) -> Iterable[str]:
    """The variables that any of the parts speaks of, less those of blocks that the user's own replaces."""
    first = reached.parts[0]
    above = _above(first, reached) if first.own else []
    names = {name for part in reached.parts if part not in above for name in part.unset}
    replaced = _replaced(first)
    for part in above:
        names |= _unset_without(part, replaced, reached.environment)
        replaced |= _replaced(part)
    return names


def _replaced(part: Part) -> set[str]:
    """The blocks of which nothing is left that a template below this part has: no super() asks for it."""
    from jinja2 import nodes

    blocks = part.tree.find_all(nodes.Block)
    return {each.name for each in blocks if all(name.name != "super" for name in each.find_all(nodes.Name))}


def _unset_without(part: Part, blocks: set[str], environment: jinja2.Environment) -> frozenset[str]:
    from jinja2 import meta, nodes

    _, tree = _parsed(environment, part.name)
    for block in tree.find_all(nodes.Block):
        if block.name in blocks:
            block.body = []
    return frozenset(meta.find_undeclared_variables(tree))


def problems_in(reached: Reached) -> Iterator[Problem]:
    """Mistakes in the user's own parts, in the order of their files."""
    from jinja2 import nodes

    stored = {
        node.name
        for part in reached.parts
        for node in part.tree.find_all(nodes.Name)
        if node.ctx in ("store", "param")
    }
    known = {*VARIABLES, *reached.environment.globals, *stored}
    for part in reached.parts:
        if part.own:
            yield from _unknown_variables(part, known)
            yield from _lost_parts(part, reached)


def _part(environment: jinja2.Environment, name: str, level: str) -> Part:
    from jinja2 import nodes

    part = _read(environment, name)
    extends = part.tree.find(nodes.Extends)
    return attrs.evolve(part, parent=_name(environment, extends.template, level) if extends else None)


@functools.lru_cache(64)
def _read(environment: jinja2.Environment, name: str) -> Part:
    from jinja2 import meta

    filename, tree = _parsed(environment, name)
    environment.get_template(name)  # compiled by its name, so that an unknown filter is told with its place
    return Part(name, filename, tree, frozenset(meta.find_undeclared_variables(tree)))


def _parsed(environment: jinja2.Environment, name: str) -> tuple[str, nodes.Template]:
    assert environment.loader is not None
    source, filename, _ = environment.loader.get_source(environment, name)
    return filename or name, environment.parse(source, name, filename)


def _referenced(environment: jinja2.Environment, tree: nodes.Template, level: str) -> Iterator[str | None]:
    """The names of what a part extends, includes and imports; None for one that nobody knows yet."""
    import jinja2
    from jinja2 import nodes

    kinds: tuple[type[Any], ...] = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
    for node in tree.find_all(kinds):
        try:
            yield _name(environment, node.template, level)
        except jinja2.TemplateNotFound:
            if not getattr(node, "ignore_missing", False):
                raise


def _name(environment: jinja2.Environment, expression: nodes.Expr, level: str) -> str | None:
    """The template that an expression names, as far as it depends on the level alone, else None."""
    import jinja2
    from jinja2 import nodes

    try:
        names = expression.as_const()
    except nodes.Impossible:
        whole = nodes.Template([nodes.Output([expression], lineno=1)], lineno=1)
        whole.set_environment(environment)
        code = environment.compile(whole)
        try:
            names = environment.template_class.from_code(environment, code, {}).render(level=level)
        except jinja2.TemplateError:
            return None
    return environment.select_template([names] if isinstance(names, str) else names).name


def _unknown_variables(part: Part, known: Iterable[str]) -> Iterator[Problem]:
    from jinja2 import nodes

    unknown = part.unset - set(known)
    for node in part.tree.find_all(nodes.Name):
        if node.name in unknown:
            text = f"the variable {node.name!r} is unknown; there are {', '.join(VARIABLES)}"
            yield _problem(text, part, node.lineno, nearest(node.name, VARIABLES))


def _lost_parts(part: Part, reached: Reached) -> Iterator[Problem]:
    """What a template that extends another can never show: blocks that this one has not, text outside."""
    from jinja2 import nodes

    above = _above(part, reached)
    if not above:
        return
    names = sorted({block.name for one in above for block in one.tree.find_all(nodes.Block)})
    extends = next(part.tree.find_all(nodes.Extends))
    for node in part.tree.body:
        if isinstance(node, nodes.Block) and node.name not in names:
            text = f"{part.parent} has no block {node.name!r}; it has {', '.join(names)}"
            yield _problem(text, part, node.lineno, nearest(node.name, names))
        if isinstance(node, nodes.Output) and node.lineno >= extends.lineno and _shows(node):
            text = (
                f"this stands outside of all blocks and is never shown, as the template extends {part.parent}"
            )
            yield _problem(text, part, node.lineno)


def _above(part: Part, reached: Reached) -> list[Part]:
    by_name = {one.name: one for one in reached.parts}
    above: list[Part] = []
    while part.parent is not None and part.parent in by_name and by_name[part.parent] not in above:
        part = by_name[part.parent]
        above.append(part)
    return above


def _shows(node: nodes.Output) -> bool:
    from jinja2 import nodes

    return any(not isinstance(inner, nodes.TemplateData) or inner.data.strip() for inner in node.nodes)


def _problem(text: str, part: Part, line: int, suggestion: str = "") -> Problem:
    return Problem(text, "prompt.template", part.file, line, 1, suggestion)
