"""Choosing the agent and the level of an attempt by what was learned: Thompson sampling.

Each possible choice is given a rate at random from what is believed of it, and the one with the most
expected fixes for its cost is taken: good choices are made often, uncertain ones often enough to learn of
them (Thompson, Biometrika 25, 1933; Russo et al., A Tutorial on Thompson Sampling, 2018).

The chance is drawn from the seed, the file and the attempt, and what was known when the run began: the same
run again chooses the same, in whatever order its files come.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence

import attrs

from stomper_sdk.learning.experience import Arm, Experience, Unit
from stomper_sdk.model.present import listed

__all__ = ["Choice", "Situation", "choose"]


@attrs.frozen
class Choice:
    """A level, the agent where there was one to choose, and `why`, where the strategy does not say it all."""

    level: str
    agent: str = ""
    why: str | None = None


@attrs.frozen
class Situation:
    """What a choice is made for.

    `findings` counts what is to be fixed by check and code. `again`: the same findings were tried before;
    `failed` are the agents and levels that did so in vain, in order. `seed`, `path` and `attempt` are what
    chance is drawn from.
    """

    experience: Experience = Experience()
    agents: tuple[str, ...] = ("",)
    findings: Mapping[tuple[str, str], int] = attrs.field(factory=dict)
    failed: tuple[tuple[str, str], ...] = ()
    again: bool = False
    seed: int = 0
    path: str = ""
    attempt: int = 1


@attrs.frozen
class _Option:
    """One possible choice: the share of the findings that it is expected to fix, and what it costs.

    `drawn` is the share by the chance of this attempt, `tried` how many of these codes were ever tried so.
    """

    arm: Arm
    share: float
    drawn: float
    cost: float
    tried: int


def choose(situation: Situation, levels: Sequence[str]) -> Choice:
    """Choose what to try.

    Args:
        situation: what for.
        levels: from the least to the most detailed. An agent is not asked again at a level at which it has
            failed, unless it has failed at all.
    """
    unit = situation.experience.unit(situation.agents)
    chance = _chance(situation)
    options = [
        _option(Arm(agent, level, situation.again), situation, levels, unit, chance)
        for agent in situation.agents
        for level in _open(agent, levels, situation.failed)
    ]
    # The first wins a tie: the cheaper agent, the lower level.
    chosen = max(options, key=lambda option: option.drawn / option.cost)
    best = max(options, key=lambda option: option.share / option.cost)
    return Choice(chosen.arm.level, chosen.arm.agent, _why(chosen, best, situation, unit))


def _open(agent: str, levels: Sequence[str], failed: Sequence[tuple[str, str]]) -> Sequence[str]:
    return [level for level in levels if (agent, level) not in failed] or levels


def _chance(situation: Situation) -> random.Random:
    words = f"{situation.seed}\0{situation.attempt}\0{situation.path}".encode(errors="surrogateescape")
    return random.Random(hashlib.sha256(words).digest())  # noqa: S311


def _option(
    arm: Arm, situation: Situation, levels: Sequence[str], unit: Unit, chance: random.Random
) -> _Option:
    known = situation.experience
    wanted = sorted(situation.findings.items()) or [(("", ""), 1)]
    total = sum(count for _, count in wanted)
    share = drawn = 0.0
    tried = 0
    for (check, code), count in wanted:
        belief = known.belief(arm, levels, check, code)
        share += count / total * belief.mean
        drawn += count / total * chance.betavariate(belief.a, belief.b)
        tried += belief.tried
    return _Option(arm, share, drawn, known.cost(arm.agent, arm.level, levels, unit), tried)


def _why(chosen: _Option, best: _Option, situation: Situation, unit: Unit) -> str:
    codes = listed(sorted({code for _, code in situation.findings}), 3) or "anything"
    failed = ", ".join(dict.fromkeys(level for _, level in situation.failed))
    after = f"after {failed}: " if failed else ""
    if not situation.experience.attempts:
        return f"{after}nothing is learned yet, so {chosen.arm.level} is a guess"
    told = f"{after}{_told(chosen, situation)} of {codes} expected ({chosen.tried} tried)"
    told = f"{told}, {_cost(chosen.cost, unit)}"
    if chosen.arm == best.arm:
        return f"{told}: the most for its cost"
    return f"{told}: to learn more of it; {_told(best, situation)}, {_cost(best.cost, unit)} looks better"


def _told(option: _Option, situation: Situation) -> str:
    name = f"{option.arm.agent} {option.arm.level}" if len(situation.agents) > 1 else option.arm.level
    return f"{name} {option.share:.0%}"


def _cost(cost: float, unit: Unit) -> str:
    if unit == "cost_usd":
        return f"{cost:.4f} USD"
    return f"{cost:,.0f} tokens" if unit == "tokens" else f"{cost:.1f} s"
