"""The agents of `call_agent` in order: whom an attempt goes to, and what that one is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import attrs

from stomper_sdk.agents.base import Agent, AgentReply, AgentTask
from stomper_sdk.errors import StoppedError
from stomper_sdk.model.finding import Finding
from stomper_sdk.model.pipeline import WhenSpec
from stomper_sdk.model.price import Price, Usage
from stomper_sdk.spending import Booking

__all__ = ["Cascade", "Tier"]


@attrs.frozen
class Tier:
    """An agent, the findings that it is for, and what its tokens cost where the pipeline says so."""

    agent: Agent
    when: WhenSpec = WhenSpec()
    price: Price | None = None

    def asked(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those of the findings that the agent is asked about; none where that were more than it takes."""
        chosen = tuple(finding for finding in findings if self._is_for(finding))
        return () if 0 < self.when.max_findings < len(chosen) else chosen

    def booking(self, path: str) -> Booking:
        """An attempt at a file, of which it is not known yet what it may use."""
        lenient = self.price is not None and self.price.is_nothing
        return Booking(path, self.agent.name, free=getattr(self.agent, "free", False), lenient=lenient)

    def at_most(self, task: AgentTask) -> Usage:
        """What an attempt may use at most, as far as the agent knows. It may block.

        Raises:
            AgentError: the agent could not do its work.
        """
        foretell = getattr(self.agent, "at_most", None)
        known: Usage = foretell(task) if foretell else Usage()
        if self.price is not None and self.price.is_nothing:
            return attrs.evolve(known, cost_usd=0.0)
        if self.price is None or known.tokens_in is None or known.tokens_out is None:
            return known
        return attrs.evolve(known, cost_usd=self.price.of(known.tokens_in, known.tokens_out))

    def priced(self, reply: AgentReply | None) -> AgentReply | None:
        """The reply with its cost by the price; as it is where there is none, or no count of tokens."""
        if reply is None or self.price is None:
            return reply
        tokens = (reply.tokens_in, reply.tokens_out, reply.tokens_cached)
        if tokens == (None, None, None) and not self.price.is_nothing:
            return reply
        return attrs.evolve(reply, cost_usd=self.price.of(*(count or 0 for count in tokens)))

    def _is_for(self, finding: Finding) -> bool:
        codes, checks = self.when.codes, self.when.checks
        return (not checks or finding.check in checks) and (
            not codes or any(fnmatchcase(finding.code, pattern) for pattern in codes)
        )


@attrs.define
class Cascade:
    """The tiers, from the cheapest to the last resort, and which agents are asked nothing more."""

    tiers: tuple[Tier, ...]
    _barred: dict[str, str] = attrs.field(factory=dict, init=False)

    def pick(self, place: int, findings: Sequence[Finding]) -> int | None:
        """Whom to ask: the first tier from `place` on that is for some of the findings, else the last one.

        Returns:
            The tier's place; None where no tier is for any of them.

        Raises:
            StoppedError: whoever would be asked is out of quota, or was not let in.
        """
        takers = [number for number, tier in enumerate(self.tiers) if tier.asked(findings)]
        wanted = [number for number in takers if number >= place] or takers[-1:]
        able = [number for number in wanted if self._can(number)]
        if wanted and not able:
            raise StoppedError(self._barred[self.tiers[wanted[-1]].agent.name], whole=self._is_spent())
        return able[0] if able else None

    def after(self, place: int, findings: Sequence[Finding]) -> int | None:
        """Who takes over at once from the tier at a place that failed; None where nobody does."""
        following = range(place + 1, len(self.tiers))
        return next((n for n in following if self._can(n) and self.tiers[n].asked(findings)), None)

    def bar(self, place: int, reason: str) -> None:
        """Ask the agent at a place nothing more in this run."""
        self._barred.setdefault(self.tiers[place].agent.name, reason)

    def _can(self, place: int) -> bool:
        return self.tiers[place].agent.name not in self._barred

    def _is_spent(self) -> bool:
        return not any(self._can(place) for place in range(len(self.tiers)))
