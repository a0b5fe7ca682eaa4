"""What the text alone shows to be wrong and a schema cannot say: blocks, names that refer to names."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stomper_sdk.config.document import Node, Trail, problem_at, shown
from stomper_sdk.errors import Problem
from stomper_sdk.model.pipeline import PromptSpec
from stomper_sdk.options import nearest

__all__ = ["BLOCKS", "rule_problems"]

BLOCKS = ("for_each_file", "attempt")


def rule_problems(root: Node, extra_agents: Collection[str]) -> Iterator[Problem]:
    """Problems of the stages tree and of the prompt's level.

    Args:
        root: the pipeline; it may be wrong in other ways.
        extra_agents: agents that the pipeline may call though it does not declare them.
    """
    agents = root.at("agents")
    declared = {str(name) for name, _ in agents.items()} if agents else set()
    stages = root.at("stages")
    if stages:
        yield from _stage_problems(stages, ("stages",), (), {*declared, *extra_agents})
        yield from _second_fan_out(stages)
    yield from _level_problems(root)
    yield from _host_problems(root)
    yield from _when_problems(root)


def _when_problems(root: Node) -> Iterator[Problem]:
    """Checks that an agent is for and that there are not."""
    checks, agents = root.at("checks"), root.at("agents")
    known = [str(name) for name, _ in checks.items()] if checks else []
    for agent, options in agents.items() if agents else ():
        named = options.at("when", "checks")
        for index, name in named.items() if named else ():
            if isinstance(name.value, str) and name.value not in known:
                message = f"expected the name of a check, got {shown(name)}"
                where = ("agents", agent, "when", "checks", index)
                yield problem_at(name, where, message, _near(name, known))


def _stage_problems(
    block: Node, trail: Trail, inside: tuple[str, ...], agents: Collection[str]
) -> Iterator[Problem]:
    for index, item in block.items():
        if isinstance(item.value, str):
            yield from _bare_problems(item, (*trail, index), inside, agents)
        elif isinstance(item.value, dict):
            for name, options in item.value.items():
                here = (*trail, index, name)
                if name in BLOCKS:
                    yield from _misplaced(item, (*trail, index), name, inside)
                    yield from _stage_problems(options, here, (*inside, name), agents)
                elif name == "call_agent":
                    yield from _call_problems(options, here, agents)


def _bare_problems(
    item: Node, trail: Trail, inside: tuple[str, ...], agents: Collection[str]
) -> Iterator[Problem]:
    if item.secret:
        yield problem_at(item, trail, "the name of a stage cannot come from the environment")
    elif item.value in BLOCKS:
        yield problem_at(item, trail, f"{item.value} is a block: expected a list of stages below it")
        yield from _misplaced(item, trail, str(item.value), inside)
    elif item.value == "call_agent" and not agents:
        yield problem_at(item, trail, "call_agent needs an agent, and none is declared")


def _misplaced(item: Node, trail: Trail, name: str, inside: tuple[str, ...]) -> Iterator[Problem]:
    if name == "for_each_file" and inside:
        yield problem_at(item, trail, f"for_each_file cannot stand inside {inside[-1]}")
    elif name == "attempt" and "for_each_file" not in inside:
        yield problem_at(item, trail, "attempt must stand inside for_each_file")
    elif name == "attempt" and "attempt" in inside:
        yield problem_at(item, trail, "attempt cannot stand inside attempt")


def _second_fan_out(stages: Node) -> Iterator[Problem]:
    blocks = [(index, item) for index, item in stages.items() if item.at("for_each_file")]
    for index, item in blocks[1:]:
        yield problem_at(item, ("stages", index), "for_each_file can stand only once")


def _call_problems(options: Node, trail: Trail, agents: Collection[str]) -> Iterator[Problem]:
    use = options.at("use")
    if use is None:
        if not agents:
            yield problem_at(options, trail, "call_agent needs an agent, and none is declared")
        return
    names = [((*trail, "use", index), name) for index, name in use.items()]
    for where, name in names or [((*trail, "use"), use)]:
        if isinstance(name.value, str) and name.value not in agents:
            message = f"expected the name of an agent, got {shown(name)}"
            yield problem_at(name, where, message, _near(name, agents))


def _host_problems(root: Node) -> Iterator[Problem]:
    """Addresses that nothing would look at."""
    hosts, network = root.at("sandbox", "model_hosts"), root.at("sandbox", "network")
    if hosts and hosts.value and (network is None or network.value in ("deny", "allow")):
        yield problem_at(hosts, ("sandbox", "model_hosts"), "model_hosts needs network: model-only")


def _level_problems(root: Node) -> Iterator[Problem]:
    strategy = root.at("prompt", "strategy")
    if not strategy or not isinstance(strategy.value, str):
        return
    kind, _, level = strategy.value.partition(":")
    levels = root.at("prompt", "levels")
    known = [child.value for _, child in levels.items()] if levels else PromptSpec().levels
    if kind == "fixed" and level not in known:
        shared = not levels or not any(child.secret for _, child in levels.items())
        near = _near(strategy, [f"fixed:{name}" for name in known]) if shared else ""
        message = f"expected a level that prompt.levels has, got {shown(strategy)}"
        yield problem_at(strategy, ("prompt", "strategy"), message, near)


def _near(name: Node, names: Collection[str]) -> str:
    return "" if name.secret else nearest(str(name.value), names)
