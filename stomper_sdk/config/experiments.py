"""Text, file or mapping -> `ExperimentSpec`: the language of pipelines, and every mistake at its place."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.config.document import Node, Trail, in_order, places_in, problem_at, shown
from stomper_sdk.config.environment import Substitution
from stomper_sdk.config.sources import Layer, builtin_pipelines, find_experiment, find_pipeline, is_file
from stomper_sdk.config.validation import schema_problems
from stomper_sdk.errors import PipelineError, Problem
from stomper_sdk.model.experiment import ExperimentSpec
from stomper_sdk.options import nearest

__all__ = ["load_experiment_spec"]

#: What pipelines are made of: loading them replaces `${NAME}`, so that they know what is secret.
_OF_PIPELINES = ("pipeline", "overrides", "matrix", "variants")
#: What is told everywhere, and so must not come from where secrets are.
_TOLD = ("name", "against")


def load_experiment_spec(
    source: str | os.PathLike[str] | Mapping[str, object],
    *,
    repo: str | os.PathLike[str] = Path(),
    environ: Mapping[str, str] | None = None,
) -> ExperimentSpec:
    """Read and check the declaration of an experiment; its variants are checked when it is carried out.

    Args:
        source: a path, YAML text of several lines, or a mapping.
        repo: where paths are looked for after the current folder and the experiment's own.
        environ: what `${NAME}` is read from; the process's environment if None.

    Raises:
        PipelineError: with every problem, each with its place in the file.
    """
    layer = find_experiment(source, Path(repo))
    if not isinstance(layer.root.value, dict):
        message = f"expected a mapping with the keys version and matrix or variants, got {shown(layer.root)}"
        raise PipelineError(list(layer.problems) or [problem_at(layer.root, (), message)])
    substitution = Substitution(os.environ if environ is None else environ)
    read = substitution.visit(layer.root)
    problems = [*layer.problems, *substitution.problems, *schema_problems(read, "experiment")]
    problems += _rule_problems(read)
    problems += _pipeline_problems(read, layer, Path(repo))
    if problems:
        raise PipelineError(in_order(problems))
    return _structured(layer, read)


def _rule_problems(root: Node) -> Iterator[Problem]:
    for key in _TOLD:
        if (node := root.at(key)) and node.secret:
            yield problem_at(node, (key,), f"the {key} of an experiment cannot come from the environment")
    for trail, node in _overrides(root):
        key = str(trail[1] if trail[0] == "matrix" else trail[-1])
        if key.startswith("agents.") and key.count(".") == 1 and not isinstance(node.value, dict):
            message = f"expected a mapping of options such as {{use: chat}}, got {shown(node)}"
            way = '; a function is {use: python, call: "package.module:function"}'
            yield problem_at(node, trail, message + way)


def _overrides(root: Node) -> Iterator[tuple[Trail, Node]]:
    """Every override, by where it stands."""
    for section in ("overrides", "matrix", "variants"):
        for name, child in _items(root.at(section)):
            if section == "overrides":
                yield (section, name), child
            for step, node in _items(child) if section != "overrides" else ():
                yield (section, name, step), node


def _items(node: Node | None) -> Iterator[tuple[str | int, Node]]:
    yield from node.items() if node else ()


def _pipeline_problems(root: Node, layer: Layer, repo: Path) -> Iterator[Problem]:
    """A pipeline that is named and not there."""
    node = root.at("pipeline")
    if node and isinstance(node.value, str) and _pipeline_file(node.value, layer, repo) is None:
        message = f"there is no file {shown(node)}, and no built-in pipeline of that name"
        near = "" if node.secret else nearest(node.value, builtin_pipelines())
        yield problem_at(node, ("pipeline",), message, near)


def _pipeline_file(name: str, layer: Layer, repo: Path) -> Path | None:
    beside = layer.folder / name
    return beside if name and is_file(beside) else find_pipeline(name, repo)


def _structured(layer: Layer, read: Node) -> ExperimentSpec:
    """The declaration of a root without problems."""
    written: dict[str, Any] = {key: layer.root.at(key) for key in _OF_PIPELINES}
    data: dict[str, Any] = {str(key): node.plain() for key, node in read.items()}
    data |= {key: node.plain() for key, node in written.items() if node is not None}
    del data["version"]
    for key in ("checks", "codes"):
        data[key] = tuple(data.get(key, ()))
    data["matrix"] = {key: tuple(values) for key, values in data.get("matrix", {}).items()}
    if "name" not in data and layer.path is not None:
        data["name"] = layer.path.stem
    named = read.at("pipeline")
    if named is not None and isinstance(named.value, str):
        data["pipeline"] = _named(named.value, layer)
    elif named is not None:
        data["pipeline"] = attrs.evolve(layer, root=written["pipeline"], path=None)
    return ExperimentSpec(**data, places=dict(places_in(layer.root)))


def _named(name: str, layer: Layer) -> str:
    beside = layer.folder / name
    return str(beside) if is_file(beside) else name
