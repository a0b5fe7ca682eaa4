"""From a matrix and a list to the variants of an experiment, each of them checked before anything runs."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from stomper_sdk.api.starting import load_pipeline
from stomper_sdk.config import digest_of
from stomper_sdk.config.document import Trail, dotted
from stomper_sdk.errors import PipelineError, Problem, UsageError
from stomper_sdk.interpreter.embedding import importable
from stomper_sdk.interpreter.planner import AgentLike, resolve
from stomper_sdk.model.experiment import ExperimentSpec, VariantSpec
from stomper_sdk.model.pipeline import BudgetSpec, PerFileSpec, Pipeline
from stomper_sdk.model.present import listed, one_line
from stomper_sdk.options import did_you_mean
from stomper_sdk.prompts.template import template_path
from stomper_sdk.secrets import holds_secret
from stomper_sdk.stages.base import Selection

__all__ = ["Variant", "loaded_variants", "paired_with"]

#: What decides which findings there are and where fixes go: the same for all, or nothing could be compared.
_COMMON = ("apply", "budget.cost_usd", "budget.time", "budget.tokens", "checks", "files", "workspace.kind")
_ONE_FOR_ALL = "Give it in overrides, which hold for every variant."


@attrs.frozen
class Variant:
    """A variant that can be run.

    `agents` are functions that stand for agents, by name. `limits` are of the experiment as a whole, so that
    the pipeline has none but those of each file.
    """

    name: str
    overrides: Mapping[str, Any]
    agents: Mapping[str, AgentLike]
    pipeline: Pipeline = attrs.field(repr=False)
    limits: BudgetSpec = BudgetSpec()

    @property
    def digest(self) -> str:
        """What tells it from another: not how fast it goes nor what it may cost."""
        return digest_of(self.pipeline)

    @property
    def own_parallelism(self) -> bool:
        """Whether how many files are at work is what it is about."""
        return any(key.partition(".")[0] == "parallelism" for key in self.overrides)

    @property
    def kept(self) -> VariantSpec:
        """What is written down of it: no secrets, and of functions their names."""
        secrets = self.pipeline.secrets
        shown = {
            key: "***" if holds_secret(key, value, secrets) else value
            for key, value in self.overrides.items()
        }
        return VariantSpec(self.name, shown, tuple(self.agents))


def loaded_variants(spec: ExperimentSpec, agents: Mapping[str, AgentLike], root: Path) -> tuple[Variant, ...]:
    """The variants of an experiment in order, matrix first.

    Args:
        spec: the experiment.
        agents: functions or agents by name, for all variants.
        root: the top of the user's checkout.

    Raises:
        UsageError: there is nothing to compare, or too much, or variants that would not see the same.
        PipelineError: with every problem of every variant.
    """
    named = dict(_named(spec))
    if spec.against is not None and spec.against not in named:
        mean = did_you_mean(spec.against, named)
        raise UsageError(f"there is no variant {spec.against!r}{mean}", f"There are: {listed(list(named))}.")
    problems: dict[Problem, list[str]] = {}
    hints: dict[str, None] = {}
    made: list[Variant] = []
    for name, overrides in named.items():
        _refuse_uncommon(name, overrides)
        try:
            made.append(_loaded(name, spec, overrides, agents, root))
        except PipelineError as error:
            for problem in error.problems:
                problems.setdefault(_placed(problem, spec, name, overrides), []).append(name)
            hints |= {error.hint: None} if error.hint else {}
    if problems:
        told = [_of_variants(it, names, spec, len(named)) for it, names in problems.items()]
        raise PipelineError(told, "\n".join(hints))
    return tuple(made)


def _placed(problem: Problem, spec: ExperimentSpec, name: str, overrides: Mapping[str, Any]) -> Problem:
    """The problem at its place in the experiment's file, where it has one."""
    key = problem.file.removeprefix("override ")
    values = spec.matrix.get(key, ()) if key not in spec.variants.get(name, {}) else ()
    index = next((n for n, value in enumerate(values) if value is overrides.get(key)), 0)
    trails: Sequence[Trail] = (("variants", name, key), ("matrix", key, index), ("overrides", key))
    found = (spec.places.get(dotted(trail)) for trail in trails)
    place = next(filter(None, found), None)
    return attrs.evolve(problem, file=place) if place is not None and key != problem.file else problem


def _of_variants(problem: Problem, names: Sequence[str], spec: ExperimentSpec, of: int) -> Problem:
    """The problem with the variants that have it, where neither its place nor their number tells them."""
    if len(names) == of or problem.file in spec.places.values():
        return problem
    word = "variant" if len(names) == 1 else "variants"
    return attrs.evolve(problem, message=f"{problem.message} ({word} {listed(names)})")


def paired_with(names: Sequence[str], against: str | None) -> list[tuple[str, str]]:
    """The pairs that are compared: all, or each with one."""
    if against is None:
        return list(itertools.combinations(names, 2))
    return [(name, against) for name in names if name != against]


def _named(spec: ExperimentSpec) -> Iterator[tuple[str, Mapping[str, Any]]]:
    empty = next((key for key, values in spec.matrix.items() if not values), None)
    if empty is not None:
        raise UsageError(f"matrix: {empty} has no values")
    count = len(spec.variants)
    if spec.matrix:
        combinations = 1
        for values in spec.matrix.values():
            combinations *= len(values)
        count += combinations
    if count < 2:
        told = "one variant" if count else "no variants"
        raise UsageError(f"an experiment with {told} has nothing to compare", "Give matrix or variants.")
    if count > spec.max_variants:
        text = f"{count:,} variants are more than max_variants, which is {spec.max_variants}"
        raise UsageError(text, f"Compare fewer, or say that you mean it: max_variants: {count}.")
    seen: set[str] = set()
    for name, overrides in itertools.chain(_combinations(spec.matrix), spec.variants.items()):
        if name in seen:
            raise UsageError(f"two variants are called {one_line(name, 80)}", "Give each a name of its own.")
        seen.add(name)
        yield name, overrides


def _combinations(matrix: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not matrix:
        return
    last = [key.rpartition(".")[2] for key in matrix]
    labels = [short if last.count(short) == 1 else key for short, key in zip(last, matrix, strict=True)]
    named = [zip(_names(key, values), values, strict=True) for key, values in matrix.items()]
    for pairs in itertools.product(*named):
        told = (f"{label}={name}" for label, (name, _) in zip(labels, pairs, strict=True))
        yield ", ".join(told), {key: value for key, (_, value) in zip(matrix, pairs, strict=True)}


def _names(key: str, values: Sequence[Any]) -> Iterator[str]:
    """What values are called: those that look the same, as two lambdas do, are numbered."""
    seen: Counter[str] = Counter()
    for value in values:
        name = _shown(key, value)
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"


def _shown(key: str, value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        told = ", ".join(f"{name}: {_shown(str(name), item)}" for name, item in value.items())
        return one_line(f"{{{told}}}", 60)
    if holds_secret(key, value, ()):
        return "***"
    return one_line(str(getattr(value, "__name__", value)), 60)


def _refuse_uncommon(name: str, overrides: Mapping[str, Any]) -> None:
    for key in overrides:
        for common in _COMMON:
            inside = f"{key}.".startswith(f"{common}.")
            around = f"{common}.".startswith(f"{key}.") and key != "workspace"
            if inside or around:
                text = f"variant {name}: {key} must be the same for all variants"
                raise UsageError(text, _ONE_FOR_ALL)


def _loaded(
    name: str,
    spec: ExperimentSpec,
    overrides: Mapping[str, Any],
    agents: Mapping[str, AgentLike],
    root: Path,
) -> Variant:
    functions = {
        key.removeprefix("agents."): it for key, it in overrides.items() if _stands_for_agent(key, it)
    }
    own = {key: value for key, value in overrides.items() if not _stands_for_agent(key, value)}
    given = {**agents, **functions}
    merged = {**spec.overrides, **own}
    pipeline = load_pipeline(spec.pipeline, repo=root, overrides=merged, extra_agents=tuple(given))
    with importable(Path.cwd(), root):
        resolve(pipeline, Selection(spec.checks, spec.codes), given, root)
    if pipeline.workspace.kind == "direct":
        raise UsageError("an experiment needs a repository: workspace.kind: direct has none")
    each = attrs.evolve(
        pipeline,
        budget=BudgetSpec(per_file=pipeline.budget.per_file),
        # A template that is not committed is in no clone.
        prompt=attrs.evolve(pipeline.prompt, template=template_path(pipeline.prompt.template, root)),
    )
    return Variant(name, own, given, each, attrs.evolve(pipeline.budget, per_file=PerFileSpec()))


def _stands_for_agent(key: str, value: object) -> bool:
    return key.startswith("agents.") and (callable(value) or hasattr(value, "edit"))
