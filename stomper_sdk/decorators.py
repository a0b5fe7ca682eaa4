"""Registering plug-ins of one's own by name: `@agent`, `@check`, `@stage`, `@reducer`.

Each works bare, then the function's own name counts, or with a name: `@agent("mine")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from stomper_sdk.agents.base import AGENTS
from stomper_sdk.checks.base import CHECKS, Scope
from stomper_sdk.reducers import REDUCERS
from stomper_sdk.registry import Registry
from stomper_sdk.stages.base import STAGES, BlockName, Stage, define_stage

__all__ = ["agent", "check", "reducer", "stage"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def agent(name: F) -> F: ...
@overload
def agent(name: str) -> Callable[[F], F]: ...
def agent(name: Any) -> Any:
    """Register an agent: a function `(task) -> AgentReply | None`, plain or async, or an agent's class.

    Raises:
        PipelineError: the name is taken.
    """
    return _register(AGENTS, name)


@overload
def reducer(name: F) -> F: ...
@overload
def reducer(name: str) -> Callable[[F], F]: ...
def reducer(name: Any) -> Any:
    """Register a reducer: a function from a sequence of values, in plan order, to one value.

    Raises:
        PipelineError: the name is taken.
    """
    return _register(REDUCERS, name)


def check(name: str, *, scope: Scope = "file", version: str = "0") -> Callable[[F], F]:
    """Register a check: a function `(tree, paths) -> findings`, plain or async.

    Args:
        name: what `use` calls it.
        scope: whether a file's findings depend on other files too.
        version: what is reported as the tool's version.

    Raises:
        PipelineError: the name is taken.
    """

    def register(function: F) -> F:
        function.scope, function.version = scope, version  # type: ignore[attr-defined]
        CHECKS.register(name, function)
        return function

    return register


def stage(
    name: str,
    *,
    block: BlockName | None = None,
    scope: Literal["workspace", "main"] = "workspace",
    needs: Iterable[str] = (),
    gives: Iterable[str] = (),
) -> Callable[[Callable[..., Any]], Stage]:
    """Register a stage: an async function `(state, context, **options) -> state`.

    Args:
        name: what the pipeline calls it.
        block: where it may stand: `run`, `file` or `attempt`; None for anywhere.
        scope: `main` runs it under the lock of the user's repository.
        needs: words that an earlier stage must have given: `workspace`, `verified`, `diff` …
        gives: words that hold after it.

    Raises:
        PipelineError: the name is taken.
    """

    def register(function: Callable[..., Any]) -> Stage:
        made = define_stage(name, block=block, scope=scope, needs=needs, gives=gives)(function)
        STAGES.register(name, made, made_of=function)
        return made

    return register


def _register(registry: Registry[Any], name: Any) -> Any:
    if not isinstance(name, str):
        registry.register(name.__name__, name)
        return name

    def register(function: F) -> F:
        registry.register(name, function)
        return function

    return register
