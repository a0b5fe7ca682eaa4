"""Text, file, name or mapping -> `Pipeline`, or everything that is wrong with it at once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import attrs

from stomper_sdk.config.available import not_available_problems
from stomper_sdk.config.document import (
    MAX_DEPTH,
    Node,
    Place,
    from_python,
    in_order,
    merged,
    places_in,
    problem_at,
    shown,
)
from stomper_sdk.config.environment import Substitution
from stomper_sdk.config.reader import read_text
from stomper_sdk.config.rules import rule_problems
from stomper_sdk.config.sources import Layer, find_base, find_source
from stomper_sdk.config.structure import structure, unstructure
from stomper_sdk.config.validation import schema_problems
from stomper_sdk.errors import PipelineError, Problem, UsageError
from stomper_sdk.model.pipeline import AgentSpec, Pipeline, WhenSpec
from stomper_sdk.model.present import hide
from stomper_sdk.secrets import secret_values

__all__ = ["digest_of", "load_pipeline", "parse_override"]

Source = str | os.PathLike[str] | Mapping[str, object] | Pipeline | Layer | None
#: What is left of an agent that Python replaces: how the run uses it, not what it is.
_REPLACED, _OF_ANY_AGENT = "python", ("when", "price")
_NO_OVERRIDES: Mapping[str, object] = MappingProxyType({})


def load_pipeline(
    source: Source = None,
    *,
    repo: str | os.PathLike[str] = Path(),
    overrides: Mapping[str, object] = _NO_OVERRIDES,
    environ: Mapping[str, str] | None = None,
    extra_agents: Collection[str] = (),
) -> Pipeline:
    """Read, complete and check a pipeline.

    Args:
        source: a path, a built-in name, YAML text, a mapping, or a pipeline; None is the repository's
            `pipelines/default.yaml`, or the built-in `default`. `pipelines/NAME.yaml` that is neither
            here nor in the repository is the built-in of that name.
        repo: where paths are looked for after the current folder.
        overrides: dotted paths and what stands there instead; as with `extends`, mappings merge by
            key and everything else replaces.
        environ: what `${NAME}` is read from; the process's environment if None.
        extra_agents: agents given from Python; they replace those of the same name, of which only `when`
            and `price` still hold.

    Raises:
        PipelineError: with every problem, each with its place in the file that holds it.
    """
    substitution = Substitution(os.environ if environ is None else environ)
    if isinstance(source, Pipeline):
        return _reloaded(source, overrides, substitution, extra_agents)
    layers = _chain(find_source(source, Path(repo)))
    substitution.problems += [problem for layer in layers for problem in layer.problems]
    first = layers[0]
    name = first.path.stem if first.path else "pipeline"
    loaded = _checked(_inherited(layers, name), overrides, substitution, extra_agents)
    return attrs.evolve(loaded, origin=first.origin)


def parse_override(text: str) -> tuple[str, object]:
    """The dotted path and the value of `retry.max_attempts=5`; the value is read as YAML.

    A glob or another word that YAML takes for something else (`**/x`, `@x`) is text.

    Raises:
        UsageError: if there is no `=`, or no path before it.
        PipelineError: if the value is a list, mapping or quoted text that is not YAML.
    """
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise UsageError(f"expected KEY=VALUE, such as retry.max_attempts=5, got {text!r}")
    if not value.strip():
        return key.strip(), None
    try:
        node, problems = read_text(value, _override(key.strip()))
    except PipelineError:
        if value.lstrip()[0] in "[{\"'":
            raise
        return key.strip(), value
    if problems:
        raise PipelineError(problems)
    return key.strip(), node.plain()


def _chain(first: Layer) -> list[Layer]:
    """A layer, what it extends, what that extends, and so on."""
    layers = [first]
    while True:
        last = layers[-1]
        if not isinstance(last.root.value, dict):
            message = f"expected a mapping with the keys version and stages, got {shown(last.root)}"
            raise PipelineError(last.problems or [problem_at(last.root, (), message)])
        extended = last.root.at("extends")
        if extended is None:
            return layers
        base = find_base(extended, last)
        layers.append(base)
        if base.path in [layer.path for layer in layers[:-1]]:
            names = " -> ".join(layer.origin for layer in layers)
            raise PipelineError([problem_at(extended, ("extends",), f"extends goes in a circle: {names}")])


def _inherited(layers: list[Layer], name: str) -> Node:
    """One root of them all, nearest last; `name` is what it is called if none of them says."""
    place = layers[0].root.place
    root = Node({"name": Node(name, place, place)}, place)
    for layer in reversed(layers):
        above = _without(layer.root, ["extends"])
        root = merged(_without_replaced(root, above), above)
    return root


def _without_replaced(root: Node, above: Node) -> Node:
    """Without the checks and agents of which the layer above makes another kind: their options are no use."""
    for section in ("checks", "agents"):
        own = above.at(section)
        names = (
            [str(name) for name, child in own.items() if _other_kind(root, section, name, child)]
            if own
            else []
        )
        root = _mapped(root, section, partial(_without, keys=names))
    return root


def _other_kind(root: Node, section: str, name: str | int, child: Node) -> bool:
    before, after = root.at(section, name, "use"), child.at("use")
    return before is not None and after is not None and before.value != after.value


def digest_of(pipeline: Pipeline) -> str:
    """What tells a pipeline from another: not how fast it goes, what it may cost, nor the environment."""
    own, unpriced = ("parallelism", "budget"), [attrs.evolve(it, price=None) for it in pipeline.agents]
    written = unstructure(attrs.evolve(pipeline, agents=tuple(unpriced)))
    told = {key: value for key, value in written.items() if key not in own}
    text = json.dumps(told, sort_keys=True, default=str)
    return hashlib.sha256(hide(text, pipeline.secrets).encode()).hexdigest()


def _reloaded(
    pipeline: Pipeline,
    overrides: Mapping[str, object],
    substitution: Substitution,
    extra_agents: Collection[str],
) -> Pipeline:
    if not overrides:
        agents = (
            AgentSpec(it.name, _REPLACED, when=it.when, price=it.price) if it.name in extra_agents else it
            for it in pipeline.agents
            if it.name not in extra_agents or it.when != WhenSpec() or it.price is not None
        )
        return attrs.evolve(pipeline, agents=tuple(agents))
    place = Place(pipeline.origin or "<Pipeline>")
    root = from_python(unstructure(pipeline), place, secrets=pipeline.secrets)
    substitution.secrets |= pipeline.secrets
    loaded = _checked(root, overrides, substitution, extra_agents)
    untouched = not any(key.partition(".")[0] == "stages" for key in overrides)
    stages = pipeline.stages if untouched else loaded.stages
    overridden = {path: place for path, place in loaded.places.items() if place.startswith(_override(""))}
    places = {**loaded.places, **pipeline.places, **overridden}
    return attrs.evolve(loaded, stages=stages, origin=pipeline.origin, places=places)


def _checked(
    root: Node,
    overrides: Mapping[str, object],
    substitution: Substitution,
    extra_agents: Collection[str],
) -> Pipeline:
    problems = substitution.problems
    root = _with_use(root)
    above = Node({}, root.place)
    for key, value in overrides.items():
        above = _overridden(above, key, value, problems)
    root = attrs.evolve(merged(_without_replaced(root, above), above), place=root.place)
    root = substitution.visit(_with_use(_replaced(root, extra_agents)))
    problems += schema_problems(root)
    problems += not_available_problems(root)
    problems += rule_problems(root, extra_agents)
    if problems:
        raise PipelineError(in_order(problems))
    made = structure(root, extra_agents)
    secrets = frozenset(substitution.secrets) | secret_values(substitution.environ)
    return attrs.evolve(made, secrets=secrets, places=dict(places_in(root)))


def _overridden(root: Node, key: str, value: object, problems: list[Problem]) -> Node:
    place = Place(_override(key))
    steps = key.split(".")
    if not all(steps) or len(steps) > MAX_DEPTH:
        problems.append(Problem("expected a dotted path such as retry.max_attempts", key, str(place)))
        return root
    if steps[0] == "extends":
        problems.append(Problem("extends is not overridden: name the pipeline", key, str(place)))
        return root
    try:
        node = from_python(value, place)
    except PipelineError as error:
        problems += [
            attrs.evolve(problem, path=".".join(filter(None, (key, problem.path))))
            for problem in error.problems
        ]
        return root
    for step in reversed(steps):
        node = Node({step: attrs.evolve(node, key=place)}, place)
    return attrs.evolve(merged(root, node), place=root.place)


def _override(key: str) -> str:
    return f"override {key}"


def _without(node: Node, keys: Collection[str]) -> Node:
    if not isinstance(node.value, dict):
        return node
    kept = {key: child for key, child in node.value.items() if key not in keys}
    return attrs.evolve(node, value=kept)


def _replaced(root: Node, names: Collection[str]) -> Node:
    """Without the agents that Python replaces, before anything asks for their variables."""

    def others(agents: Node) -> Node:
        if not isinstance(agents.value, dict):
            return agents
        left = {name: _left(agent) if name in names else agent for name, agent in agents.value.items()}
        return attrs.evolve(agents, value={name: agent for name, agent in left.items() if agent})

    return _mapped(root, "agents", others)


def _left(agent: Node) -> Node | None:
    """What still holds of an agent that is replaced; None for nothing."""
    if not isinstance(agent.value, dict):
        return None
    kept = {key: child for key, child in agent.value.items() if key in _OF_ANY_AGENT}
    return attrs.evolve(agent, value={"use": Node(_REPLACED, agent.place), **kept}) if kept else None


def _with_use(root: Node) -> Node:
    """`checks: {ruff: {}}` means `use: ruff`."""

    def named(plugins: Node) -> Node:
        if not isinstance(plugins.value, dict):
            return plugins
        values = {
            name: merged(Node({"use": Node(name, child.key or child.place)}, child.place), child)
            for name, child in plugins.value.items()
        }
        return attrs.evolve(plugins, value=values)

    return _mapped(_mapped(root, "checks", named), "agents", named)


def _mapped(root: Node, key: str, change: Callable[[Node], Node]) -> Node:
    child = root.at(key)
    if child is None or not isinstance(root.value, dict):
        return root
    return attrs.evolve(root, value={**root.value, key: change(child)})
