"""Names to plug-ins: checks, agents and the cascade, all of them before the first side effect."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from stomper_sdk.agents.base import AGENTS, Agent, Wrapped, other_agent
from stomper_sdk.agents.python import PythonAgent
from stomper_sdk.checks.base import CHECKS, Check
from stomper_sdk.checks.function import FunctionCheck
from stomper_sdk.errors import PipelineError, Problem, UsageError
from stomper_sdk.guard.limits import matches
from stomper_sdk.interpreter.program import Program, compile_stages
from stomper_sdk.model.pipeline import AgentSpec, CheckSpec, Pipeline
from stomper_sdk.model.price import Price
from stomper_sdk.options import build, command_words, did_you_mean, nearest, option_fields, optional
from stomper_sdk.prompts import Template, check_guides, load_template
from stomper_sdk.reducers import resolve_reducers
from stomper_sdk.sandbox.proxy import address_of
from stomper_sdk.signatures import refusal
from stomper_sdk.stages.base import Selection
from stomper_sdk.stages.cascade import Tier
from stomper_sdk.stages.message import check_commit_template

__all__ = ["Resolved", "hosts_of", "resolve"]

AgentLike = Agent | Callable[..., Any]
_AGENT = ("name", "timeout", "once", "edit")
_CHECK = ("name", "scope", "version", "covers", "look")


@attrs.frozen
class Resolved:
    """A pipeline with nothing left to look up; `cascade` are the tiers of `call_agent`, in order."""

    program: Program
    checks: tuple[Check, ...]
    cascade: tuple[Tier, ...]
    template: Template


def resolve(
    pipeline: Pipeline, selection: Selection, agents: Mapping[str, AgentLike], root: Path
) -> Resolved:
    """Resolve every name and option.

    Args:
        pipeline: as it was loaded.
        selection: what the caller narrows it to.
        agents: agents given from Python by name; they take the place of those in the YAML.
        root: the top of the user's checkout, from which a prompt template's path is read.

    Raises:
        PipelineError: with everything that is wrong.
        UsageError: the caller names a check or an agent that there is not.
    """
    problems: list[Problem] = []
    hints: list[str] = []

    def attempt(function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except PipelineError as error:
            problems.extend(problem for problem in error.problems if problem not in problems)
            hints.extend(hint for hint in [error.hint] if hint and hint not in hints)
            return None

    program = attempt(compile_stages, pipeline)
    checks = [attempt(_check, spec) for spec in _selected_checks(pipeline, selection)]
    makers = _Agents(pipeline, agents, root)
    cascade = [attempt(makers.tier, name) for name in _cascade(pipeline, selection, agents)]
    attempt(resolve_reducers, pipeline.reducers)
    template = attempt(load_template, pipeline.prompt.template, root, pipeline.prompt.levels)
    attempt(check_guides, pipeline.prompt.guides, root)
    attempt(check_commit_template, pipeline.apply.commit.template)
    problems += _further_problems(pipeline)
    problems += _unconfined(pipeline, [tier.agent for tier in cascade if tier is not None])
    problems += _unreached(pipeline, hosts_of(tier.agent for tier in cascade if tier is not None))
    problems += _unpriced(pipeline, [tier.agent for tier in cascade if tier is not None], agents)
    if problems:
        raise PipelineError([_placed(problem, pipeline) for problem in problems], "\n".join(hints))
    return Resolved(program, tuple(checks), tuple(cascade), template)


def _further_problems(pipeline: Pipeline) -> Iterator[Problem]:
    if not pipeline.checks:
        yield Problem("a pipeline needs at least one check", "checks")
    commands = {
        "workspace.setup": pipeline.workspace.setup,
        "test_validation.command": pipeline.test_validation.command,
    }
    for path, command in commands.items():
        try:
            optional(command_words)(command)
        except ValueError as error:
            yield Problem(f"expected {error}", path)
    for rule, entries in pipeline.guard.allow.items():
        for entry in entries:
            try:
                matches([entry])
            except ValueError as error:
                yield Problem(f"expected a path or a name, got {entry!r} ({error})", f"guard.allow.{rule}")
    for name in re.findall(r"\{(.*?)\}", pipeline.apply.branch):
        if name != "session_id":
            yield Problem(f"only {{session_id}} in braces, got {{{name}}}", "apply.branch")


def _unconfined(pipeline: Pipeline, cascade: Iterable[Agent]) -> Iterator[Problem]:
    """Agents that a sandbox would not hold, or not let out to their model."""
    for agent in cascade if pipeline.sandbox.kind != "none" else ():
        if not getattr(agent, "confined", False):
            text = "it runs in this process, which no sandbox holds; use a command, or sandbox.kind: none"
            yield Problem(text, f"agents.{agent.name}")
        elif pipeline.sandbox.network == "deny" and getattr(agent, "needs_network", False):
            text = "it asks a model, from which sandbox.network: deny keeps it; use model-only or allow"
            yield Problem(text, f"agents.{agent.name}")


def hosts_of(cascade: Iterable[Agent]) -> tuple[str, ...]:
    """The addresses of models that agents know to need."""
    return tuple(host for agent in cascade for host in getattr(agent, "hosts", ()))


def _unreached(pipeline: Pipeline, hosts: Collection[str]) -> Iterator[Problem]:
    """A network that leads to the model alone, and nobody says where that is."""
    sandbox = pipeline.sandbox
    if sandbox.kind != "none" and sandbox.network == "model-only" and not (sandbox.model_hosts or hosts):
        text = "model-only needs the model's address: name it in sandbox.model_hosts"
        yield Problem(text, "sandbox.network")
    for host in (*sandbox.model_hosts, *hosts):
        try:
            address_of(host)
        except ValueError as error:
            yield Problem(f"expected {error}", "sandbox.model_hosts")


def _unpriced(pipeline: Pipeline, cascade: Iterable[Agent], given: Collection[str]) -> Iterator[Problem]:
    """Agents that a budget of dollars would not hold, since nobody knows what they cost."""
    budget = pipeline.budget
    if budget.cost_usd is None and budget.per_file.cost_usd is None:
        return
    for agent in cascade:
        known = getattr(agent, "free", False) or _price_of(agent.name, pipeline) is not None
        if not known and agent.name not in given:
            text = (
                "a budget in cost_usd needs to know what it costs: the price of a million tokens, such as "
                "{input: 3, output: 15}; 0; or reported, where the agent tells"
            )
            yield Problem(text, f"agents.{agent.name}.price")


def _placed(problem: Problem, pipeline: Pipeline) -> Problem:
    """The problem with the place where its path, or what comes nearest to it, stands in the YAML."""
    path = problem.path
    while path and path not in pipeline.places:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return attrs.evolve(problem, file=problem.file or pipeline.places.get(path, pipeline.origin))


def _selected_checks(pipeline: Pipeline, selection: Selection) -> Iterable[CheckSpec]:
    _known("check", selection.checks, [spec.name for spec in pipeline.checks])
    return [spec for spec in pipeline.checks if not selection.checks or spec.name in selection.checks]


def _check(spec: CheckSpec) -> Check:
    path = f"checks.{spec.name}"
    plugin: Any = CHECKS.get(spec.use, f"{path}.use")
    if isinstance(plugin, type):
        check: Check = _whole("check", build(plugin, spec.name, spec.options, path), _CHECK, path)
        return check
    _no_options(spec.use, spec.options, path)
    wrong = refusal(plugin, "tree", "paths")
    if wrong:
        raise PipelineError([Problem(f"{spec.use}: {wrong}", f"{path}.use")])
    return FunctionCheck.of(spec.name, plugin)


def _cascade(pipeline: Pipeline, selection: Selection, agents: Mapping[str, AgentLike]) -> tuple[str, ...]:
    known = [*(spec.name for spec in pipeline.agents), *agents]
    if selection.agents:
        _known("agent", selection.agents, [*known, *AGENTS.names()])
        return selection.agents
    call = pipeline.stage("call_agent")
    used = tuple(call.options.get("use", ())) if call else ()
    asked = [spec.options[key] for spec in pipeline.agents for key in _asks(spec)]
    for name in (name for name in agents if name not in (*used, *asked)):
        raise UsageError(
            f"the agent {name!r} is given, but the pipeline's call_agent uses {', '.join(used) or 'none'}",
            f"Give it one of those names, or narrow the run to it: agents=[{name!r}].",
        )
    return used


@attrs.frozen
class _Agents:
    """Makes the agents that a pipeline names; `given` are those from Python."""

    pipeline: Pipeline
    given: Mapping[str, AgentLike]
    root: Path

    def tier(self, name: str) -> Tier:
        spec, price = self._spec(name), _price_of(name, self.pipeline)
        return Tier(self._agent(name, (name,)), spec.when, price if isinstance(price, Price) else None)

    def _agent(self, name: str, chain: tuple[str, ...]) -> Agent:
        """The agent of a name; `chain` are those that ask each other, down to it."""
        if name in self.given:
            return as_agent(name, self.given[name])
        spec, path = self._spec(name), f"agents.{name}"
        plugin: Any = AGENTS.get(spec.use, f"{path}.use")
        if isinstance(plugin, type):
            asked = {key: self._asked(key, spec, chain) for key in _asks(spec)}
            made = build(plugin, name, {**spec.options, **asked}, path)
            agent: Agent = _whole("agent", made, _AGENT, path)
            return agent
        _no_options(spec.use, spec.options, path)
        return as_agent(name, plugin)

    def _asked(self, key: str, spec: AgentSpec, chain: tuple[str, ...]) -> object:
        """The agent that an option names, in the name's place."""
        name, path = spec.options[key], f"agents.{spec.name}.{key}"
        if not isinstance(name, str):
            return name
        known = {*(declared.name for declared in self.pipeline.agents), *self.given, *AGENTS.names()}
        if name not in known:
            text = f"expected the name of another agent, got {name!r}"
            raise PipelineError([Problem(text, path, suggestion=nearest(name, known))])
        if name in chain:
            text = f"an agent asks itself in the end: {' -> '.join((*chain, name))}"
            raise PipelineError([Problem(text, path)])
        use, options = self._spec(name).use, self._spec(name).options
        if name in self.given:
            use, options = "python", {}
        agent = self._agent(name, (*chain, name))
        return Wrapped(agent, use, options, self.root, self.pipeline.secrets)

    def _spec(self, name: str) -> AgentSpec:
        return next((spec for spec in self.pipeline.agents if spec.name == name), AgentSpec(name, name))


def _asks(spec: AgentSpec) -> tuple[str, ...]:
    """The options by which an agent names others that it asks."""
    try:
        plugin = AGENTS.get(spec.use)
    except PipelineError:  # told where the agent is made
        return ()
    fields = option_fields(plugin) if isinstance(plugin, type) and attrs.has(plugin) else {}
    readers: Mapping[str, Any] = {key: field.converter for key, field in fields.items()}
    return tuple(key for key in spec.options if readers.get(key) is other_agent)


def _price_of(name: str, pipeline: Pipeline) -> Price | Literal["reported"] | None:
    """What an agent is declared to cost, or else the one that it asks."""
    specs = {spec.name: spec for spec in pipeline.agents}
    spec = specs.get(name, AgentSpec(name, name))
    asked = [specs[other] for key in _asks(spec) if (other := spec.options[key]) in specs]
    return asked[0].price if spec.price is None and asked else spec.price


def as_agent(name: str, given: AgentLike) -> Agent:
    """An agent as it is, or one made of a function."""
    if hasattr(given, "edit") and not isinstance(given, type):
        agent: Agent = _whole("agent", given, _AGENT, f"agents.{name}")
        return agent
    return PythonAgent.of(name, given)


def _whole(kind: str, made: Any, members: Iterable[str], path: str) -> Any:
    """A plug-in with all that it is asked for later."""
    missing = [member for member in members if not hasattr(made, member)]
    if missing:
        text = f"{type(made).__qualname__} is no {kind}: it lacks {', '.join(missing)}"
        raise PipelineError([Problem(text, path)])
    return made


def _no_options(use: str, options: Mapping[str, Any], path: str) -> None:
    if options:
        raise PipelineError(
            [Problem(f"{use} is a function and takes no options", f"{path}.{next(iter(options))}")]
        )


def _known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(set(known))
    for name in names:
        if name not in known:
            text = f"the pipeline has no {kind} {name!r}{did_you_mean(name, known)}"
            raise UsageError(text, f"There are: {', '.join(known)}.")
